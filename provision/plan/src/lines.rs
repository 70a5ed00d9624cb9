//! Files of which only some lines are ours: every other line stays, byte for byte.

/// The text with our lines in place of those that `is_ours` names: the first of them where the first one stood, the
/// rest behind it; at the end when there was none.
pub fn with_lines(text: &str, ours: &[String], is_ours: impl Fn(&str) -> bool) -> String {
    let mut result = String::new();
    let mut placed = false;
    let place = |result: &mut String| {
        for line in ours {
            result.push_str(line);
            result.push('\n');
        }
    };
    for line in text.split_inclusive('\n') {
        if !is_ours(line.trim_end_matches('\n')) {
            result.push_str(line);
            continue;
        }
        if !placed {
            place(&mut result);
            placed = true;
        }
    }
    if !placed {
        if !result.is_empty() && !result.ends_with('\n') {
            result.push('\n');
        }
        place(&mut result);
    }
    result
}

/// The fields of a line; none for a comment.
pub fn fields(line: &str) -> Vec<&str> {
    if line.trim_start().starts_with('#') {
        Vec::new()
    } else {
        line.split_ascii_whitespace().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_others_stay_byte_for_byte() {
        let text = "# head\n\tUUID=1  /  ext4\nold 1\nother\nold 2";
        let ours = ["new 1".to_owned(), "new 2".to_owned()];
        let after = with_lines(text, &ours, |line| line.starts_with("old"));
        assert_eq!(after, "# head\n\tUUID=1  /  ext4\nnew 1\nnew 2\nother\n");
        assert_eq!(with_lines(&after, &ours, |line| line.starts_with("new")), after);
    }

    #[test]
    fn a_file_without_our_lines_gets_them_at_its_end() {
        assert_eq!(with_lines("a", &["b".to_owned()], |_| false), "a\nb\n");
        assert_eq!(with_lines("", &["b".to_owned()], |_| false), "b\n");
    }
}
