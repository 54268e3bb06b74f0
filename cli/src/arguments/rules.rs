//! Published rules: matching, coverage, reports.

use std::path::PathBuf;

use clap::Args;

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
