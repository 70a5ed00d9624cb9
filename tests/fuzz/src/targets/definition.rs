//! Definition and instance files through the whole check, and what is rendered from those that pass.

use appliance::{Appliance, DefinitionFiles, Problems};
use render::{Content, Inputs, Node};

use crate::text;

/// The instance file of development machines.
const INSTANCE: &str = include_str!("../../../../images/dev-instance.toml");
/// Bit of the first byte: what follows is spliced into the shipped file, not put in its place.
const SPLICE: u8 = 0x80;

/// One file of the shipped definition is another. The first byte says which; with its highest bit set the next
/// four say where, and how much goes, and the rest is put there: a change of one word stays near what is right.
pub(crate) fn definition(bytes: &[u8]) {
    let Some((selector, rest)) = bytes.split_first() else {
        return;
    };
    let shipped = DefinitionFiles::shipped();
    let names = DefinitionFiles::NAMES;
    let chosen = names[usize::from(selector & !SPLICE) % names.len()];
    let changed = |original: &str| -> Option<String> {
        if selector & SPLICE == 0 {
            return text(rest).map(str::to_owned);
        }
        let ([a, b, c, d], insert) = rest.split_first_chunk::<4>()?;
        let at = usize::from(u16::from_le_bytes([*a, *b])) % (original.len() + 1);
        let end = (at + usize::from(u16::from_le_bytes([*c, *d]))).min(original.len());
        let (head, tail) = (original.as_bytes().get(..at)?, original.as_bytes().get(end..)?);
        String::from_utf8([head, insert, tail].concat()).ok()
    };
    let mut readable = true;
    let files = DefinitionFiles::from_directory("definition", |file| {
        let mut texts = shipped.texts().into_iter();
        let original = texts.find(|(name, _)| *name == file).map_or("", |(_, text)| text);
        if file != chosen {
            return Ok::<_, std::convert::Infallible>(original.to_owned());
        }
        let changed = changed(original);
        readable = changed.is_some();
        Ok(changed.unwrap_or_default())
    });
    let Ok(files) = files;
    if readable {
        check(Appliance::parse(&files, "appliance.toml", INSTANCE));
    }
}

/// An instance file, whole.
pub(crate) fn instance(bytes: &[u8]) {
    if let Some(text) = text(bytes) {
        check(Appliance::parse(
            &DefinitionFiles::shipped(),
            "appliance.toml",
            text,
        ));
    }
}

fn check(parsed: Result<Appliance, Problems>) {
    match parsed {
        Ok(appliance) => rendered(&appliance),
        Err(problems) => {
            assert!(!problems.0.is_empty(), "refused without a reason");
            for problem in &problems.0 {
                assert!(problem.place.line >= 1, "{problem}");
                assert!(
                    !problem.what.is_empty() && !problem.instead.is_empty(),
                    "{problem}"
                );
                assert!(
                    !problem.what.contains(char::is_control) && !problem.instead.contains(char::is_control),
                    "a message with a control character: {problem:?}"
                );
            }
        }
    }
}

/// Whatever passes the check renders to text without control characters, or is refused by a renderer in words;
/// twice the same.
fn rendered(appliance: &Appliance) {
    let tree = match render::render(appliance, &Inputs::default()) {
        Ok(tree) => tree,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    for (path, entry) in tree.iter() {
        if let Node::File {
            content: Content::Plain(text),
            ..
        } = &entry.node
        {
            let bad = |letter: &char| letter.is_control() && !matches!(letter, '\n' | '\t');
            assert_eq!(text.chars().find(bad), None, "{path}");
        }
    }
    let again = render::render(appliance, &Inputs::default());
    assert!(again.is_ok_and(|again| again == tree), "two renderings differ");
}
