//! A template never renders with a hole, an unquoted text, or a value that leaves its field.

use std::error::Error;

use serde::Serialize;
use templates::{RenderError, Template, render};

#[derive(Serialize)]
struct Row {
    known: String,
}

#[derive(Serialize)]
struct Lacking {
    rows: Vec<Row>,
}

impl Template for Lacking {
    const NAME: &'static str = "test/lacking.j2";
    const SOURCE: &'static str =
        "first\n{% for row in rows %}\n{{ row.known | field }} {{ row.unknown | field }}\n{% endfor %}";
}

#[test]
fn a_missing_variable_is_named_with_template_and_line() {
    let error = render(&Lacking {
        rows: vec![Row { known: "yes".into() }],
    })
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "template test/lacking.j2, line 3: no variable `row.unknown` in its context"
    );
}

#[derive(Serialize)]
struct Top;

impl Template for Top {
    const NAME: &'static str = "test/top.j2";
    const SOURCE: &'static str = "{% if absent %}\nnever\n{% endif %}\n";
}

#[test]
fn a_missing_variable_in_a_condition_is_an_error_too() {
    let error = render(&Top).unwrap_err().to_string();
    assert_eq!(
        error,
        "template test/top.j2, line 1: no variable `absent` in its context"
    );
}

#[derive(Serialize)]
struct Bare {
    text: String,
}

impl Template for Bare {
    const NAME: &'static str = "test/bare.j2";
    const SOURCE: &'static str = "{{ text }}";
}

#[test]
fn a_text_without_an_escape_filter_is_not_printed() {
    let error = render(&Bare {
        text: "harmless".into(),
    })
    .unwrap_err();
    assert!(matches!(error, RenderError::Broken { line: 1, .. }), "{error:?}");
    let cause = error.source().unwrap().to_string();
    assert!(
        cause.contains("`harmless` in test/bare.j2 is printed without an escape filter"),
        "{cause}"
    );
}

#[test]
fn a_refused_value_is_shown_with_place_and_reason() {
    let limits = templates::context::Sysctl {
        rows: vec![templates::context::SysctlRow {
            key: "vm.swappiness".into(),
            value: "10\nx=1".into(),
        }],
    };
    let error = render(&limits).unwrap_err();
    assert_eq!(
        error.to_string(),
        "template sysctl/60-appliance.conf.j2, line 4: a value cannot be written"
    );
    assert_eq!(
        error.source().unwrap().to_string(),
        r#""10\nx=1" cannot be a field between spaces: control characters have no place there"#
    );
}
