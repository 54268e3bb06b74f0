//! What can be typed for acts of several parties.

use clap::{Args, Subcommand};

use super::{Fields, HeldCommand, Visible};

/// Words with an act.
#[derive(Args, Debug, Default)]
#[allow(missing_docs)]
pub struct Words {
    #[arg(long)]
    pub text: Option<String>,
    #[arg(long)]
    pub link: Vec<String>,
    #[arg(long, value_name = "TAG")]
    pub text_language: Option<String>,
}

/// Who can see what a first act begins.
#[derive(Args, Debug, Default)]
#[allow(missing_docs)]
pub struct SeenBy {
    #[arg(long, value_enum, default_value_t)]
    pub visible: Visible,
    #[arg(long = "to", value_delimiter = ',', value_name = "ORGANISATION", conflicts_with = "visible")]
    pub sealed_to: Vec<String>,
    #[arg(long, value_name = "ID", conflicts_with_all = ["visible", "sealed_to"])]
    pub thread: Option<String>,
}

/// What a provider's part rests on.
#[derive(Args, Debug, Default)]
#[allow(missing_docs)]
pub struct Conditions {
    #[arg(long, value_delimiter = ',', value_name = "COUNTRY")]
    pub data_location: Vec<String>,
    #[arg(long)]
    pub law: Option<String>,
    #[arg(long, value_delimiter = ',')]
    pub technology: Vec<String>,
    #[arg(long, value_delimiter = ',')]
    pub language: Vec<String>,
    #[arg(long, value_name = "TEXT")]
    pub condition: Vec<String>,
}

#[derive(Subcommand, Debug)]
#[allow(missing_docs, clippy::large_enum_variant)]
pub enum EngageCommand {
    Propose {
        #[arg(long, value_name = "ID")]
        need: Option<String>,
        #[arg(long, value_name = "ID")]
        offer: Option<String>,
        #[arg(long, value_name = "ORG")]
        with: Option<String>,
        #[arg(long, value_name = "DATE")]
        until: Option<String>,
        #[arg(long, value_name = "DAYS", default_value_t = 0, hide_default_value = true)]
        acknowledge_days: u32,
        #[arg(long, value_name = "DAYS", default_value_t = 0, hide_default_value = true)]
        confirm_days: u32,
        #[command(flatten)]
        conditions: Conditions,
        #[command(flatten)]
        words: Words,
        #[arg(long)]
        again: bool,
        #[command(flatten)]
        seen_by: SeenBy,
    },
    Agree {
        #[arg(value_name = "ID")]
        engagement: String,
        #[command(flatten)]
        conditions: Conditions,
        #[command(flatten)]
        words: Words,
    },
    Accept {
        #[arg(value_name = "ID")]
        engagement: String,
        #[arg(long, value_name = "CONFLICT")]
        waive: Vec<String>,
        #[command(flatten)]
        words: Words,
    },
    Start(Step),
    Deliver(Step),
    Confirm(Step),
    Evaluate {
        #[arg(value_name = "ID")]
        engagement: String,
        #[arg(long, value_name = "1-5")]
        rating: u32,
        #[command(flatten)]
        words: Words,
    },
    Decline(Step),
    Withdraw(Step),
    Dispute(Step),
    Resolve {
        #[arg(value_name = "ID")]
        engagement: String,
        #[arg(long, value_name = "OUTCOME")]
        outcome: String,
        #[command(flatten)]
        words: Words,
    },
    Note(Step),
    List {
        #[arg(long)]
        mine: bool,
    },
    Show {
        #[arg(value_name = "ID")]
        engagement: String,
    },
}

/// An act with words alone.
#[derive(Args, Debug)]
#[allow(missing_docs)]
pub struct Step {
    #[arg(value_name = "ID")]
    pub engagement: String,
    #[command(flatten)]
    pub words: Words,
}

/// A call is a record; it is also closed and its list cosigned.
#[derive(Subcommand, Debug)]
#[allow(missing_docs, clippy::large_enum_variant)]
pub enum CallCommand {
    Add {
        #[command(flatten)]
        fields: Fields,
        #[command(flatten)]
        terms: CallTerms,
    },
    Edit {
        id: String,
        #[command(flatten)]
        fields: Fields,
        #[command(flatten)]
        terms: CallTerms,
    },
    #[command(flatten)]
    Held(HeldCommand),
    Close {
        #[arg(value_name = "ID")]
        call: String,
    },
    Cosign {
        #[arg(value_name = "ID")]
        call: String,
        #[arg(long)]
        anyway: bool,
    },
    Draw {
        #[arg(value_name = "ID")]
        call: String,
        #[arg(long, value_name = "HEX")]
        value: String,
        #[arg(long)]
        url: Option<String>,
    },
}

/// What a call rests on.
#[derive(Args, Debug, Default)]
#[allow(missing_docs)]
pub struct CallTerms {
    #[arg(long, value_name = "TYPE")]
    pub call_type: Option<String>,
    #[arg(long, value_delimiter = ',', value_name = "ID")]
    pub need: Vec<String>,
    #[arg(long, value_name = "ID")]
    pub fund: Option<String>,
    #[arg(long, value_name = "ID")]
    pub session: Option<String>,
    #[arg(long = "rule-set", value_name = "RULES")]
    pub call_rules: Option<String>,
    #[arg(long, value_name = "ID")]
    pub priority: Option<String>,
    #[arg(long, value_delimiter = ',', value_name = "HUB")]
    pub attested_by: Vec<String>,
    #[arg(long, value_name = "WHO")]
    pub draw_source: Option<String>,
    #[arg(long, value_name = "ROUND")]
    pub draw_round: Option<String>,
    #[arg(long, value_name = "TIME")]
    pub draw_at: Option<String>,
    #[arg(long, value_name = "NUMBER")]
    pub cosignatures: Option<u32>,
}

#[derive(Subcommand, Debug)]
#[allow(missing_docs)]
pub enum FellowshipCommand {
    Nominate {
        #[arg(value_name = "CALL")]
        call: String,
        #[arg(long)]
        name: String,
        #[arg(long, default_value = "")]
        function: String,
        #[arg(long, default_value = "")]
        contact: String,
        #[arg(long, value_delimiter = ',')]
        language: Vec<String>,
        #[command(flatten)]
        words: Words,
    },
    Decide {
        #[arg(value_name = "NOMINATION")]
        nomination: String,
        #[arg(long, conflicts_with = "refuse")]
        grant: bool,
        #[arg(long)]
        refuse: bool,
        #[arg(long, default_value_t = 0)]
        rank: u32,
        #[arg(long, default_value = "", value_name = "RULE")]
        rule_set: String,
        #[command(flatten)]
        words: Words,
    },
    Accept(NominationStep),
    Decline(NominationStep),
    Withdraw(NominationStep),
    Start(NominationStep),
    Complete(NominationStep),
    Certificate(NominationStep),
    List {
        #[arg(value_name = "CALL")]
        call: Option<String>,
    },
    Show {
        #[arg(value_name = "NOMINATION")]
        nomination: String,
    },
}

/// A step of one nomination.
#[derive(Args, Debug)]
#[allow(missing_docs)]
pub struct NominationStep {
    #[arg(value_name = "NOMINATION")]
    pub nomination: String,
    #[command(flatten)]
    pub words: Words,
}

/// An act about another of the fund.
#[derive(Args, Debug)]
#[allow(missing_docs)]
pub struct FundStep {
    #[arg(value_name = "ID")]
    pub subject: String,
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub milestone: u32,
    #[command(flatten)]
    pub words: Words,
}

/// Money about another act of the fund.
#[derive(Args, Debug)]
#[allow(missing_docs)]
pub struct FundMoney {
    #[arg(value_name = "ID")]
    pub subject: String,
    #[arg(value_name = "AMOUNT")]
    pub amount: String,
    #[arg(value_name = "CURRENCY")]
    pub currency: String,
    #[command(flatten)]
    pub words: Words,
}

/// Money that came in.
#[derive(Args, Debug)]
#[allow(missing_docs)]
pub struct FundPaid {
    #[command(flatten)]
    pub money: FundMoney,
    #[arg(long, value_name = "TEXT")]
    pub reference: String,
}

/// What is agreed to.
#[derive(Args, Debug)]
#[allow(missing_docs)]
pub struct FundApproval {
    #[command(flatten)]
    pub step: FundStep,
    #[arg(long, requires = "currency")]
    pub amount: Option<String>,
    #[arg(long, value_name = "CODE", requires = "amount")]
    pub currency: Option<String>,
}

/// Who decides over a fund.
#[derive(Args, Debug)]
#[allow(missing_docs)]
pub struct Charter {
    #[arg(long)]
    pub title: String,
    #[arg(long)]
    pub description: Option<String>,
    #[arg(long, value_name = "ORG", required = true, value_delimiter = ',')]
    pub board: Vec<String>,
    #[arg(long, value_name = "NUMBER")]
    pub threshold: u32,
    #[arg(long, required = true, value_delimiter = ',')]
    pub currency: Vec<String>,
    #[arg(long, value_name = "TAG")]
    pub text_language: Option<String>,
}

#[derive(Subcommand, Debug)]
#[allow(missing_docs, clippy::large_enum_variant)]
pub enum FundCommand {
    Create {
        #[command(flatten)]
        charter: Charter,
        #[command(flatten)]
        seen_by: SeenBy,
    },
    Pledge {
        #[command(flatten)]
        money: FundMoney,
        #[arg(long, default_value = "", value_name = "DATE")]
        due: String,
    },
    PaidIn(FundPaid),
    Propose {
        #[arg(value_name = "FUND")]
        fund: String,
        #[arg(long)]
        title: String,
        #[arg(long)]
        description: Option<String>,
        #[arg(long, value_name = "ORG")]
        recipient: String,
        #[arg(long, value_name = "CODE")]
        currency: String,
        #[arg(long, value_name = "TITLE=AMOUNT", required = true)]
        milestone: Vec<String>,
        #[arg(long, value_name = "ID")]
        need: Vec<String>,
        #[arg(long, value_name = "ID")]
        call: Option<String>,
        #[arg(long, value_name = "TAG")]
        text_language: Option<String>,
    },
    Vote {
        #[arg(value_name = "PROPOSAL")]
        proposal: String,
        #[arg(long, conflicts_with = "no", required_unless_present = "no")]
        yes: bool,
        #[arg(long)]
        no: bool,
        #[command(flatten)]
        words: Words,
    },
    Commit(FundStep),
    Approve(FundApproval),
    Disburse(FundStep),
    Receipt(FundStep),
    Report(FundStep),
    Refund(FundPaid),
    Release(FundStep),
    PayBack(FundMoney),
    Amend {
        #[arg(value_name = "FUND")]
        fund: String,
        #[command(flatten)]
        charter: Charter,
    },
    Enact(FundStep),
    Close(FundStep),
    List,
    Show {
        #[arg(value_name = "FUND")]
        fund: String,
    },
    Statement {
        #[arg(value_name = "FUND")]
        fund: String,
    },
}
