//! What the server says: data and what was done on stdout, errors on stderr, in the operator's language.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use crate::texts::{Texts, columns, plain};

/// Where sentences go.
pub(super) struct Told {
    pub(super) texts: Texts,
}

impl Told {
    /// The language of the environment.
    pub(super) fn new() -> Self {
        Self { texts: Texts::from_environment(|name| std::env::var(name).ok(), &[]) }
    }

    /// Lines of stdout, as they are; where their reader has gone away, the work goes on.
    pub(super) fn say(&self, text: &str) {
        let _ = writeln!(std::io::stdout(), "{text}");
    }

    /// A sentence on stdout, within the columns.
    pub(super) fn tell(&self, key: &str, values: &[(&str, &str)]) {
        self.say(&columns::all_folded(&self.with(key, values)));
    }

    /// A sentence, what is filled in made harmless.
    pub(super) fn with(&self, key: &str, values: &[(&str, &str)]) -> String {
        let values: Vec<(&str, String)> = values.iter().map(|(k, v)| (*k, plain(v))).collect();
        let values: Vec<(&str, &str)> = values.iter().map(|(k, v)| (*k, v.as_str())).collect();
        self.texts.tf(key, &values)
    }

    /// What an error says.
    pub(super) fn said(&self, error: &dyn Display) -> String {
        plain(&self.texts.said(&error.to_string()))
    }

    /// An error with the key of what to do, or an empty one.
    pub(super) fn fail(&self, error: &dyn Display, hint: &str) -> ExitCode {
        self.complain(&self.said(error), hint);
        ExitCode::FAILURE
    }

    /// Words that do not fit.
    pub(super) fn usage(&self, error: &str, text: &str, hint: &str) -> ExitCode {
        self.complain(&self.with(error, &[("text", text)]), hint);
        ExitCode::from(2)
    }

    /// An error of the store as a sentence that counts.
    pub(super) fn counted(&self, error: &str, count: usize, hint: &str) -> ExitCode {
        self.complain(&self.with(error, &[("count", &count.to_string())]), hint);
        ExitCode::FAILURE
    }

    fn complain(&self, error: &str, hint: &str) {
        let hint = if hint.is_empty() { String::new() } else { self.texts.t(hint) };
        let _ = writeln!(std::io::stderr(), "{}", self.texts.complaint(error, &hint));
    }
}
