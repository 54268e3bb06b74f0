//! What operators of a hub type.

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Subcommand, Debug)]
#[allow(missing_docs)]
pub enum HubCommand {
    Status,
    Invite {
        country: String,
        #[arg(long, default_value = "")]
        name: String,
        #[arg(long, default_value_t = 0, hide_default_value = true)]
        days: u32,
    },
    Requests,
    Approve {
        party: String,
        #[arg(long, default_value = "")]
        mandate: String,
        #[arg(long)]
        guest: bool,
        #[arg(long, default_value = "", value_name = "DATE")]
        until: String,
    },
    Refuse {
        party: String,
        #[arg(long, default_value = "other")]
        reason: String,
        #[arg(long, default_value = "")]
        note: String,
        #[arg(long, default_value = "")]
        until: String,
    },
    Members,
    End {
        party: String,
        #[arg(long)]
        reason: String,
        #[arg(long, default_value = "")]
        note: String,
    },
    Recognise {
        card: PathBuf,
        #[arg(long, default_value = "")]
        note: String,
        #[arg(long)]
        end: bool,
        #[arg(long, default_value = "other", requires = "end")]
        reason: String,
    },
    Card,
    #[command(subcommand)]
    Link(LinkCommand),
}

#[derive(Subcommand, Debug)]
#[allow(missing_docs)]
pub enum LinkCommand {
    Add {
        card: PathBuf,
        #[arg(long = "link-proxy", value_name = "URL", default_value = "")]
        link_proxy: String,
    },
    List,
    Remove {
        party: String,
        #[arg(long, default_value = "other")]
        reason: String,
        #[arg(long, default_value = "")]
        note: String,
    },
}
