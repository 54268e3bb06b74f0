//! Sealed records and threads.

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Subcommand, Debug)]
#[allow(missing_docs)]
pub enum ThreadCommand {
    List,
    Show {
        thread_id: String,
    },
    Reply {
        thread_id: String,
        #[arg(required = true, value_name = "TEXT")]
        words: Vec<String>,
    },
    Grant {
        thread_id: Option<String>,
        #[arg(long, conflicts_with = "thread_id", required_unless_present = "thread_id")]
        all: bool,
    },
}

#[derive(Subcommand, Debug)]
#[allow(missing_docs)]
pub enum SealedCommand {
    Export {
        id: String,
        #[arg(value_name = "FILE")]
        sealed_file: PathBuf,
    },
}
