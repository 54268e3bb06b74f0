//! What can be typed; the help texts are `help-node-COMMAND` and `arg-node-COMMAND-NAME`.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[derive(Parser, Debug)]
#[command(name = "caphub-node", version, disable_help_subcommand = true)]
pub(super) struct Arguments {
    #[arg(long, env = "CAPHUB_HUB_DIR", global = true, display_order = 900, value_name = "FOLDER")]
    pub(super) dir: Option<PathBuf>,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    Init {
        #[arg(required_unless_present = "from_member")]
        name: Option<String>,
        #[arg(long, value_name = "CODE")]
        region: Vec<String>,
        #[arg(long, value_name = "COUNTRY")]
        country: Option<String>,
        #[arg(long, default_value = "en", value_delimiter = ',')]
        language: Vec<String>,
        #[arg(long, value_name = "FOLDER")]
        from_member: Option<PathBuf>,
    },
    Run {
        #[arg(long)]
        listen: Option<String>,
    },
    Check,
    Verify {
        #[arg(long)]
        offline: bool,
    },
    Repair,
    Rebuild,
    Backup {
        #[arg(value_name = "FOLDER")]
        to: PathBuf,
    },
    Restore {
        #[arg(value_name = "FOLDER")]
        from: PathBuf,
        #[arg(long)]
        sign_at_once: bool,
    },
}
