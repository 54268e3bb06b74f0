//! PostgreSQL's logical replication of the same number of rows of the same bytes, in the same run.

use serde_json::{Value, json};
use tokio::process::Command;

use crate::usage::ratio;

/// The script that does it; it installs PostgreSQL where that is missing.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/postgres.sh");

/// Adds what PostgreSQL took to what was measured, with the ratio of the rates.
pub async fn add(measured: &mut Value, entries: u64, entry_bytes: u64, rate: f64) {
    let mut command = Command::new("bash");
    command.arg(SCRIPT).arg(entries.to_string()).arg(entry_bytes.to_string());
    let said = command.stderr(std::process::Stdio::inherit()).output().await.expect("bash");
    let Ok(took) = serde_json::from_slice::<Value>(&said.stdout) else {
        measured["yardstick"] = json!("PostgreSQL could not be measured: see the message above");
        return;
    };
    let of = |name: &str| took[name].as_f64().unwrap_or_default();
    let (streamed, copied) = (entries as f64 * 1e6 / of("stream_us"), entries as f64 * 1e6 / of("copy_us"));
    measured["postgres_version"] = took["version"].clone();
    measured["postgres_rows_per_second"] = json!(streamed.round());
    measured["postgres_first_copy_rows_per_second"] = json!(copied.round());
    measured["postgres_cpu_us_a_row"] = json!(ratio(of("stream_cpu_us"), entries as f64));
    measured["postgres_first_copy_cpu_us_a_row"] = json!(ratio(of("copy_cpu_us"), entries as f64));
    measured["ratio_to_postgres"] = json!(ratio(rate, streamed));
    measured["ratio_to_postgres_first_copy"] = json!(ratio(rate, copied));
}
