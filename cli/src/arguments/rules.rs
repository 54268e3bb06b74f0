//! Published rules: matching, coverage, reports.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Args, Debug)]
#[allow(missing_docs)]
pub struct Offers {
    #[arg(long)]
    pub unconditional: bool,
}

#[derive(Args, Debug)]
#[allow(missing_docs)]
pub struct MatchArgs {
    #[arg(value_name = "ID")]
    pub record: Option<String>,
    #[arg(long)]
    pub limit: Option<u32>,
    #[arg(long, value_name = "RULESET")]
    pub rules: Option<String>,
}

#[derive(Args, Debug)]
#[allow(missing_docs)]
pub struct Report {
    #[arg(long, value_name = "FROM..UNTIL")]
    pub period: String,
    #[arg(long = "out", value_name = "FOLDER")]
    pub report_folder: PathBuf,
}

#[derive(Args, Debug)]
#[allow(missing_docs)]
pub struct Coverage {
    #[arg(long = "region", value_name = "REGION")]
    pub one_region: Option<String>,
}

#[derive(Args, Debug)]
#[allow(missing_docs)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Allocate {
    #[arg(value_name = "CALL")]
    pub call: Option<String>,
    #[arg(long, value_name = "HEX")]
    pub value: Option<String>,
    #[command(subcommand)]
    pub command: Option<AllocateCommand>,
}

#[derive(Subcommand, Debug)]
#[allow(missing_docs)]
pub enum AllocateCommand {
    Verify {
        #[arg(value_name = "CALL")]
        call: String,
        #[arg(long, value_name = "HEX")]
        value: Option<String>,
    },
}
