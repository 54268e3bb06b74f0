//! A node's configuration: strict TOML with environment overrides; it runs without any.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use tracing_subscriber::EnvFilter;

use crate::artifacts::Room;
use crate::carriage::Quotas;

/// Where a node listens unless told otherwise.
pub const LISTEN_DEFAULT: &str = "[::]:7430";

/// What is logged unless told otherwise: the search library tells more than operators need.
pub const LOG_LEVEL_DEFAULT: &str = "info,tantivy=warn";

/// All of it, resolved.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to listen: host:port; empty or `none` for a node that only dials out.
    pub listen: String,
    /// What the node card says; where empty, the addresses of the machine as far as they are known.
    pub addresses: Vec<String>,
    /// The proxy for outgoing links: a URL, `none`, or empty for what the environment says.
    pub proxy: String,
    /// Where metrics are read, host:port of this machine alone; empty or `none` for nowhere.
    pub metrics: String,
    /// text or json.
    pub log_format: LogFormat,
    /// As in `RUST_LOG`: info, debug, caphub_node=debug.
    pub log_level: String,
    /// How long open requests may take to end when the node stops.
    pub shutdown_seconds: u64,
    /// Bounds on what is carried for others.
    pub quotas: Quotas,
    /// Room for files that records name.
    pub artifacts: Room,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Default)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: LISTEN_DEFAULT.to_owned(),
            addresses: Vec::new(),
            proxy: String::new(),
            metrics: String::new(),
            log_format: LogFormat::Text,
            log_level: LOG_LEVEL_DEFAULT.to_owned(),
            shutdown_seconds: 10,
            quotas: Quotas::default(),
            artifacts: Room::default(),
        }
    }
}

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{path}: {source}")]
    Read {
        /// Which file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// Not TOML, an unknown key, or a value of another type.
    #[error("{path}: {message}")]
    Parse {
        /// Which file.
        path: String,
        /// Line, key and what is wrong.
        message: String,
    },
    /// A value that means nothing, from the file or the environment.
    #[error("{setting}: \"{value}\" is not {wanted}")]
    Value {
        /// Which setting.
        setting: &'static str,
        /// What it was set to.
        value: String,
        /// What it may be.
        wanted: &'static str,
    },
    /// An environment variable's value does not fit.
    #[error("{variable}: {message}")]
    Variable {
        /// Its name.
        variable: &'static str,
        /// What is wrong.
        message: String,
    },
}

/// What is wrong in a TOML file, on one line, with its place.
pub fn placed(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let Some(before) = before else { return error.message().to_owned() };
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}: {}", error.message())
}

impl Config {
    /// Reads a file where there is one, then the environment.
    pub fn load(path: &Path, variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let shown = path.display().to_string();
        let mut config = match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).map_err(|message| ConfigError::Parse { path: shown, message })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::default(),
            Err(source) => return Err(ConfigError::Read { path: shown, source }),
        };
        config.override_by(variable)?;
        config.judged()
    }

    /// What is well formed and means nothing is told here, and not when the node has started.
    fn judged(self) -> Result<Self, ConfigError> {
        let wrong = |setting, value: &str, wanted| {
            Err(ConfigError::Value { setting, value: value.to_owned(), wanted })
        };
        if self.listens_on().is_some_and(|l| !has_port(l)) {
            return wrong("listen", &self.listen, "host:port, such as [::]:7430, or none");
        }
        if let Some(address) = self.addresses.iter().find(|a| !has_port(a)) {
            return wrong("addresses", address, "host:port, such as hub.example.org:7430");
        }
        let metrics = self.metrics.trim();
        if !metrics.is_empty() && metrics != "none" && !has_port(metrics) {
            return wrong(
                "metrics",
                &self.metrics,
                "host:port of this machine, such as 127.0.0.1:7431, or none",
            );
        }
        if EnvFilter::try_new(&self.log_level).is_err() {
            return wrong("log_level", &self.log_level, "error, warn, info, debug or trace");
        }
        Ok(self)
    }

    /// Strict: an unknown key is an error.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|e| placed(text, &e))
    }

    /// Where to listen; `None` for a node that only dials out.
    pub fn listens_on(&self) -> Option<&str> {
        Some(self.listen.trim()).filter(|l| !l.is_empty() && *l != "none")
    }

    /// How long open requests may take to end when the node stops.
    pub fn shutdown(&self) -> Duration {
        Duration::from_secs(self.shutdown_seconds)
    }

    fn override_by(&mut self, variable: impl Fn(&str) -> Option<String>) -> Result<(), ConfigError> {
        if let Some(listen) = variable("CAPHUB_LISTEN") {
            self.listen = listen;
        }
        if let Some(addresses) = variable("CAPHUB_ADDRESSES") {
            self.addresses =
                addresses.split(',').map(|a| a.trim().to_owned()).filter(|a| !a.is_empty()).collect();
        }
        if let Some(proxy) = variable("CAPHUB_PROXY") {
            self.proxy = proxy;
        }
        if let Some(metrics) = variable("CAPHUB_METRICS") {
            self.metrics = metrics;
        }
        if let Some(level) = variable("CAPHUB_LOG_LEVEL") {
            self.log_level = level;
        }
        if let Some(format) = variable("CAPHUB_LOG_FORMAT") {
            self.log_format = match format.as_str() {
                "text" => LogFormat::Text,
                "json" => LogFormat::Json,
                other => {
                    let message = format!("\"{other}\" is not one of text, json");
                    return Err(ConfigError::Variable { variable: "CAPHUB_LOG_FORMAT", message });
                }
            };
        }
        if let Some(seconds) = variable("CAPHUB_SHUTDOWN_SECONDS") {
            self.shutdown_seconds = seconds.parse().map_err(|_| ConfigError::Variable {
                variable: "CAPHUB_SHUTDOWN_SECONDS",
                message: format!("\"{seconds}\" is not a number of seconds"),
            })?;
        }
        Ok(())
    }
}

/// True for a host and a number of a port.
fn has_port(address: &str) -> bool {
    let port = |(host, port): (&str, &str)| !host.is_empty() && port.parse::<u16>().is_ok();
    address.trim().rsplit_once(':').is_some_and(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_file_states_every_default() {
        let example = include_str!("../../deploy/caphub-node.example.toml");
        assert_eq!(Config::parse(example), Ok(Config::default()));
    }

    #[test]
    fn an_unknown_key_is_told_with_its_place() {
        let error = Config::parse("lissen = \"x\"").expect_err("a misspelt key");
        assert!(error.starts_with("line 1, column 1: unknown field `lissen`"), "{error}");
    }

    #[test]
    fn a_value_that_means_nothing_is_told_with_what_it_may_be() {
        let load = |name: &'static str, value: &'static str| {
            Config::load(Path::new("none.toml"), |asked| (asked == name).then(|| value.to_owned()))
        };
        for (name, value) in [
            ("CAPHUB_LISTEN", "7430"),
            ("CAPHUB_LISTEN", "localhost"),
            ("CAPHUB_ADDRESSES", "hub.example.org:7430,hub.example.org"),
            ("CAPHUB_METRICS", "7431"),
            ("CAPHUB_LOG_LEVEL", "caphub_node=loud"),
        ] {
            let error = load(name, value).expect_err(name).to_string();
            assert!(error.contains("\" is not "), "{error}");
        }
        for (name, value) in [
            ("CAPHUB_LISTEN", "none"),
            ("CAPHUB_LISTEN", ""),
            ("CAPHUB_LISTEN", "[::1]:0"),
            ("CAPHUB_ADDRESSES", "hub.example.org:7430, abcdef.onion:7430"),
            ("CAPHUB_METRICS", "none"),
            ("CAPHUB_LOG_LEVEL", "debug,tantivy=warn"),
        ] {
            load(name, value).unwrap_or_else(|e| panic!("{name}={value}: {e}"));
        }
    }

    #[test]
    fn the_environment_overrides_the_file() {
        let load = |name: &str| (name == "CAPHUB_LISTEN").then(|| "127.0.0.1:1".to_owned());
        let config = Config::load(Path::new("none.toml"), load).expect("defaults");
        assert_eq!(config.listen, "127.0.0.1:1");
    }
}
