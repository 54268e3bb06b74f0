//! What a command says when it cannot do what was asked, and the exit code that programs see.

use crate::texts::Texts;

/// An error for the person who must act.
#[derive(Debug)]
pub struct Failure {
    key: &'static str,
    values: Vec<(&'static str, String)>,
    hint: Option<&'static str>,
    detail: String,
    code: u8,
    reason: String,
    answered: bool,
}

impl Failure {
    /// Failed: exit code 1.
    pub fn new(key: &'static str) -> Self {
        let reason = String::new();
        let (detail, values) = (String::new(), Vec::new());
        Self { key, values, hint: None, detail, code: 1, reason, answered: false }
    }

    /// Wrong use: exit code 2.
    pub fn usage(key: &'static str) -> Self {
        Self { code: 2, ..Self::new(key) }
    }

    /// Nothing there: exit code 3.
    pub fn nothing(key: &'static str) -> Self {
        Self { code: 3, ..Self::new(key) }
    }

    /// No network: exit code 4.
    pub fn offline(mut self) -> Self {
        self.code = 4;
        self
    }

    /// Fills a place of the sentence.
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.values.push((name, value.to_string()));
        self
    }

    /// What to do next.
    pub fn hint(mut self, key: &'static str) -> Self {
        self.hint = Some(key);
        self
    }

    /// The cause in its own words.
    pub fn because(mut self, detail: impl ToString) -> Self {
        self.detail = detail.to_string();
        self
    }

    /// A reason code of SPEC.md for programs.
    pub fn reason(mut self, code: impl ToString) -> Self {
        self.reason = code.to_string();
        self
    }

    /// Programs have their JSON object already, with all that went wrong in it.
    pub fn answered(mut self) -> Self {
        self.answered = true;
        self
    }

    /// True where programs still wait for a JSON object.
    pub fn is_unanswered(&self) -> bool {
        !self.answered
    }

    /// The cause in its own words, or nothing.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        self.code
    }

    /// The lines for stderr, within the columns.
    pub fn lines(&self, texts: &Texts) -> String {
        let (error, hint) = self.words(texts);
        texts.complaint(&error, &hint)
    }

    /// The same of what stops nothing.
    pub fn remark(&self, texts: &Texts) -> String {
        let (error, hint) = self.words(texts);
        texts.remark(&error, &hint)
    }

    fn words(&self, texts: &Texts) -> (String, String) {
        let values: Vec<_> = self.values.iter().map(|(k, v)| (*k, crate::screen::plain(v))).collect();
        let values: Vec<(&str, &str)> = values.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let mut error = texts.tf(self.key, &values);
        if !self.detail.is_empty() {
            let detail = crate::screen::plain(&texts.said(&self.detail));
            error = texts.tf("said-because", &[("what", &error), ("why", &detail)]);
        }
        (error, self.hint.map(|hint| texts.tf(hint, &values)).unwrap_or_default())
    }

    /// The object for `--json`.
    pub fn json(&self, texts: &Texts) -> serde_json::Value {
        let (error, hint) = self.words(texts);
        let mut message = format!("{} {error}", texts.t("said-error"));
        if !hint.is_empty() {
            message.push_str(&format!("\n{} {hint}", texts.t("said-hint")));
        }
        serde_json::json!({ "error": { "code": self.key, "reason": self.reason, "message": message } })
    }
}

/// What commands return.
pub type Outcome = Result<(), Failure>;
