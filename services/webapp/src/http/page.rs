//! The pages, drawn from templates that are compiled in.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use axum::http::StatusCode;

use crate::health::board::HealthState;

/// The one stylesheet.
pub(super) const PORTAL_CSS: &str = include_str!("../../assets/portal.css");
/// The mark in the browser's tab and on the page.
pub(super) const PORTAL_ICON: &str = include_str!("../../assets/icon.svg");

const FRAME: &str = include_str!("../../assets/frame.html");
const HOME: &str = include_str!("../../assets/home.html");
const REFUSAL: &str = include_str!("../../assets/refusal.html");

/// Draws pages for one host name.
#[derive(Debug, Clone)]
pub(super) struct Look {
    /// The frame with everything filled in that is the same on all pages.
    frame: Arc<str>,
    host: Arc<str>,
}

impl Look {
    pub(super) fn new(hostname: &str) -> Self {
        let host = escape(hostname);
        // The address of an asset changes with its content, since browsers keep it for a day.
        let frame = FRAME
            .replace("{{host}}", &host)
            .replace("{{css}}", &digest(PORTAL_CSS))
            .replace("{{icon}}", &digest(PORTAL_ICON))
            .replace("{{version}}", env!("CARGO_PKG_VERSION"));
        Self {
            frame: frame.into(),
            host: host.into(),
        }
    }

    pub(super) fn home(&self, state: HealthState) -> String {
        let (class, words) = match state {
            HealthState::Healthy => ("well", "Everything is working"),
            HealthState::Degraded => ("ill", "Something needs attention"),
            HealthState::Starting => ("new", "Starting"),
        };
        let main = HOME
            .replace("{{class}}", class)
            .replace("{{words}}", words)
            .replace("{{host}}", &self.host);
        self.framed("Data Broker", &main)
    }

    pub(super) fn refusal(&self, status: StatusCode, text: &str) -> String {
        let main = REFUSAL
            .replace("{{code}}", status.as_str())
            .replace("{{text}}", &escape(text));
        self.framed(text, &main)
    }

    fn framed(&self, title: &str, main: &str) -> String {
        self.frame
            .replace("{{title}}", &escape(title))
            .replace("{{main}}", main)
    }
}

fn digest(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Text as HTML shows it, in elements and in quoted attributes.
fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_page_has_a_gap_or_foreign_content() {
        let look = Look::new("broker.example.com");
        let pages = [
            look.home(HealthState::Healthy),
            look.home(HealthState::Degraded),
            look.home(HealthState::Starting),
            look.refusal(StatusCode::NOT_FOUND, "a <b> & \"c\""),
        ];
        for page in pages {
            assert!(!page.contains("{{"), "{page}");
            for forbidden in ["<script", "style=", "http://", "https://", "onclick", "<b>"] {
                assert!(!page.contains(forbidden), "{forbidden} in {page}");
            }
        }
    }

    #[test]
    fn the_home_page_says_where_one_is_and_links_to_health() {
        let page = Look::new("broker.example.com").home(HealthState::Healthy);
        assert!(
            page.contains("broker.example.com") && page.contains("href=\"/health\""),
            "{page}"
        );
    }
}
