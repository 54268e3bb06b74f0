//! Sets of acts, and what they make.

#[path = "../acts/pen.rs"]
#[allow(dead_code)]
pub mod pen;

#[path = "../acts/engagement.rs"]
#[allow(dead_code)]
pub mod engagement;

#[path = "../acts/fellowship.rs"]
#[allow(dead_code)]
pub mod fellowship;

#[path = "../acts/fund.rs"]
#[allow(dead_code)]
pub mod fund;

use std::collections::BTreeMap;

use caphub_proto::exchange::acts::{Act, Seen, Verdict, Verdicts};
use caphub_proto::exchange::allocation::{turns, turns_differ};
use caphub_proto::exchange::engagement::Engagement;
use caphub_proto::exchange::fellowship::Fellowships;
use caphub_proto::exchange::fund::{Account, Fund};
use caphub_proto::v1::engagement_act::Act as Engaging;
use caphub_proto::v1::fellowship_act::Act as Nominating;
use caphub_proto::v1::fund_act::Act as Funding;
use caphub_proto::v1::{
    EngagementAct, EngagementAgreement, FellowshipAct, FellowshipCosign, FellowshipDraw, FundAct,
    ProviderTerms, RecipientTerms,
};
use caphub_proto::wire::{Audience, EntryHash, Reason};
use serde::Serialize;
use serde_json::{Value, json};

use pen::{Dice, Pen};

#[derive(Serialize)]
pub struct ActsCase {
    pub name: String,
    /// engagement, fund or fellowship.
    pub kind: &'static str,
    /// The first act; of fellowships, which have none, the party id of the call's author.
    pub root: String,
    /// In no particular order.
    pub acts: Vec<Value>,
    /// Last counted places of feeds that are cut off.
    pub cuts: Vec<Value>,
    /// In the order in which they count; of fellowships in that of their hashes.
    pub counted: Vec<String>,
    pub verdicts: Value,
    pub result: Value,
}

fn wire<T: Serialize>(act: &Act<T>) -> Value {
    json!({
        "hash": act.hash.to_string(),
        "party": hex::encode(act.author.as_bytes()),
        "feed_id": act.feed.to_string(),
        "seq": act.seq,
        "time_ms": act.time_ms,
        "audience": hex::encode(act.audience.encode()),
        "void": act.void.map_or("", |r| r.code()),
        "act": act.what,
    })
}

fn codes(verdicts: &Verdicts) -> Value {
    verdicts
        .iter()
        .map(|(hash, verdict)| (hash.to_string(), json!(verdict.code())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn gone(cuts: &[(u8, u8, u64)]) -> impl Fn(&Seen) -> bool + '_ {
    move |s| cuts.iter().any(|(party, key, last)| s.feed == pen::feed(*party, *key) && s.seq > *last)
}

/// Marks what is cut off, and puts the acts in an order of no meaning.
fn held<T: Clone>(pen: &Pen<T>, cuts: &[(u8, u8, u64)]) -> Vec<Act<T>> {
    let mut acts = pen.acts.clone();
    for (party, key, last) in cuts {
        let cut = acts.iter_mut().filter(|a| a.feed == pen::feed(*party, *key) && a.seq > *last);
        cut.for_each(|a| a.void = Some(Reason::Revoked));
    }
    Dice(7).shuffle(&mut acts);
    acts
}

fn cut_json(cuts: &[(u8, u8, u64)]) -> Vec<Value> {
    let cut = |(party, key, last): &(u8, u8, u64)| json!({ "feed_id": pen::feed(*party, *key).to_string(), "last": last });
    cuts.iter().map(cut).collect()
}

fn engagement_case(
    name: &str,
    pen: &Pen<EngagementAct>,
    cuts: &[(u8, u8, u64)],
    missing: &[EntryHash],
) -> ActsCase {
    let mut acts = held(pen, cuts);
    acts.retain(|a| !missing.contains(&a.hash));
    let e = Engagement::of(&pen.root(), &acts, &gone(cuts)).unwrap();
    ActsCase {
        name: name.to_owned(),
        kind: "engagement",
        root: pen.root().to_string(),
        acts: acts.iter().map(wire).collect(),
        cuts: cut_json(cuts),
        counted: e.counted.iter().map(EntryHash::to_string).collect(),
        verdicts: codes(&e.verdicts),
        result: json!({ "state": e.state.code(), "conflicts": e.conflicts, "waived": e.waived }),
    }
}

fn fund_case(name: &str, pen: &Pen<FundAct>, cuts: &[(u8, u8, u64)]) -> ActsCase {
    let acts = held(pen, cuts);
    let f = Fund::of(&pen.root(), &acts, &gone(cuts)).unwrap();
    let account = |account: &Account| match account {
        Account::Donor(party) => format!("donor {}", hex::encode(party.as_bytes())),
        Account::Free => "free".to_owned(),
        Account::Committed(hash) => format!("committed {hash}"),
        Account::Paid(hash) => format!("paid {hash}"),
    };
    let balances = f
        .ledger
        .balances()
        .iter()
        .map(|((c, a), amount)| (format!("{c} {}", account(a)), json!(amount.to_string())));
    let balances: serde_json::Map<String, Value> = balances.collect();
    ActsCase {
        name: name.to_owned(),
        kind: "fund",
        root: pen.root().to_string(),
        acts: acts.iter().map(wire).collect(),
        cuts: cut_json(cuts),
        counted: f.counted.iter().map(EntryHash::to_string).collect(),
        verdicts: codes(&f.verdicts),
        result: json!({ "balances": balances, "closed": f.closed }),
    }
}

fn fellowship_case(name: &str, pen: &Pen<FellowshipAct>, cuts: &[(u8, u8, u64)]) -> ActsCase {
    let acts = held(pen, cuts);
    let author = pen::party(fellowship::AUTHOR);
    let f = Fellowships::of(author, Audience::Public, &acts, &gone(cuts));
    let counted =
        f.verdicts.iter().filter(|(_, v)| **v == Verdict::Counted).map(|(hash, _)| hash.to_string());
    let nominees = f.nominees.iter().map(|((party, nomination), n)| {
        (
            format!("{} {nomination}", hex::encode(party.as_bytes())),
            json!({ "state": n.state.code(), "rank": n.rank, "listed": n.listed }),
        )
    });
    let nominees: serde_json::Map<String, Value> = nominees.collect();
    // No sealed feeds are held: what several claim is nobody's.
    let mut claims = BTreeMap::new();
    for (party, hash) in f.nominees.keys() {
        claims.entry(*hash).and_modify(|of| *of = None).or_insert(Some(*party));
    }
    let claims = claims.into_iter().filter_map(|(hash, party)| Some((hash, party?))).collect();
    let live: Vec<_> = acts.iter().filter(|a| f.verdicts[&a.hash] == Verdict::Counted).cloned().collect();
    let now = turns(&live, &claims);
    let text = |turns: &BTreeMap<EntryHash, u32>| -> serde_json::Map<String, Value> {
        turns.iter().map(|(hash, turn)| (hash.to_string(), json!(turn))).collect()
    };
    let closing = f.closing.as_ref().map(|c| {
        let cosigned: Vec<String> = c.cosigned.keys().map(|p| hex::encode(p.as_bytes())).collect();
        let stated = c.nominations.iter().copied().zip(c.turns.iter().copied()).collect();
        let listed = c.nominations.iter().filter_map(|hash| Some((*claims.get(hash)?, *hash)));
        let differ: Vec<String> =
            turns_differ(listed, &stated, &now).iter().map(|p| hex::encode(p.as_bytes())).collect();
        json!({ "act": c.act.to_string(), "cosigned": cosigned, "turns": text(&stated), "turns_differ": differ })
    });
    ActsCase {
        name: name.to_owned(),
        kind: "fellowship",
        root: hex::encode(author.as_bytes()),
        acts: acts.iter().map(wire).collect(),
        cuts: cut_json(cuts),
        counted: counted.collect(),
        verdicts: codes(&f.verdicts),
        result: json!({ "nominees": nominees, "closing": closing, "draw": f.draw.as_ref().map(hex::encode),
            "turns": text(&now) }),
    }
}

pub fn cases() -> Vec<ActsCase> {
    let mut cases = engagements();
    cases.extend(funds());
    cases.extend(fellowships());
    cases
}

fn fellowships() -> Vec<ActsCase> {
    use fellowship::{AUTHOR, act, close, decide, nominate, step};
    let mut whole = Pen::new("vectors: fellows");
    whole.write(2, nominate(7));
    whole.write(3, nominate(8));
    whole.write(3, nominate(7));
    let open = whole.clone();
    whole.write(AUTHOR, decide(7, 2, true));
    let granted = whole.clone();
    whole.write(2, act(Nominating::Accept(step(7, 2))));
    let accepted = whole.clone();
    whole.write(3, act(Nominating::Start(step(7, 2))));
    whole.write(AUTHOR, act(Nominating::Start(step(7, 2))));
    whole.write(AUTHOR, decide(8, 3, false));
    whole.write(AUTHOR, act(Nominating::Complete(step(7, 2))));
    whole.write(AUTHOR, act(Nominating::Certificate(step(7, 2))));
    whole.write(2, act(Nominating::Withdraw(step(7, 2))));
    let mut crossing = granted.clone();
    let known = crossing.acts.clone();
    crossing.write_knowing(2, 0, &known, act(Nominating::Decline(step(7, 2))));
    crossing.write_knowing(2, 1, &known, act(Nominating::Accept(step(7, 2))));
    let mut slipped = accepted.clone();
    slipped.write_knowing(AUTHOR, 1, &open.acts, decide(7, 2, false));
    let mut listed = open.clone();
    let closing = listed.write(AUTHOR, close(&[7]));
    let cosign = |list: &EntryHash| {
        act(Nominating::Cosign(FellowshipCosign { closing: list.to_vec(), list_hash: vec![5; 32] }))
    };
    listed.write(4, cosign(&closing));
    listed.write(4, cosign(&closing));
    listed.write(AUTHOR, cosign(&closing));
    listed.write(3, close(&[7, 8]));
    listed.write_knowing(AUTHOR, 1, &open.acts, close(&[7, 8]));
    listed.write(AUTHOR, decide(8, 3, true));
    let draw = FellowshipDraw { value: vec![1, 2], ..FellowshipDraw::default() };
    listed.write(AUTHOR, act(Nominating::Draw(draw.clone())));
    listed.write(AUTHOR, act(Nominating::Draw(draw)));
    // Two keys of one party nominate, one of them twice; another party has one.
    let mut several = Pen::new("vectors: several of one party");
    for (author, key, n) in [(2, 0, 12), (2, 0, 10), (2, 1, 11), (2, 0, 10), (2, 1, 9), (3, 0, 8)] {
        let known = several.acts.clone();
        several.write_knowing(author, key, &known, nominate(n));
    }
    let sorted =
        turns(&several.acts, &[9, 10, 11, 12].map(|n| (fellowship::sealed(n), pen::party(2))).into());
    let stated: Vec<u32> =
        (8..=12).map(|n| sorted.get(&fellowship::sealed(n)).copied().unwrap_or(1)).collect();
    let mut moved = several.clone();
    let mut silent = several.clone();
    several.write(AUTHOR, fellowship::ordered(&[8, 9, 10, 11, 12], &stated));
    let mut other = stated.clone();
    other.swap(1, 4);
    moved.write(AUTHOR, fellowship::ordered(&[8, 9, 10, 11, 12], &other));
    silent.write(AUTHOR, close(&[8, 9, 12]));
    vec![
        fellowship_case("fellowship: turns as the party nominated", &several, &[]),
        fellowship_case("fellowship: turns in another order", &moved, &[]),
        fellowship_case("fellowship: a list that states no turns", &silent, &[]),
        fellowship_case("fellowship: turns after a feed was cut off", &several, &[(2, 0, 1)]),
        fellowship_case("fellowship: from nomination to certificate", &whole, &[]),
        fellowship_case("fellowship: two keys answer at once", &crossing, &[]),
        fellowship_case("fellowship: an old refusal by a second key", &slipped, &[]),
        fellowship_case("fellowship: a closing list", &listed, &[]),
        fellowship_case("fellowship: the decision was cut off", &accepted, &[(AUTHOR, 0, 0)]),
    ]
}

fn engagements() -> Vec<ActsCase> {
    use engagement::{PROVIDER, RECIPIENT, accept, act, evaluate, note, proposal, proposed, resolve};
    let mut whole = proposed();
    whole.write(RECIPIENT, accept(whole.root(), &[]));
    let accepted = whole.clone();
    whole.write(PROVIDER, act(Engaging::Start(note())));
    let active = whole.clone();
    whole.write(PROVIDER, act(Engaging::Deliver(note())));
    let mut disputed = whole.clone();
    whole.write(RECIPIENT, act(Engaging::Confirm(note())));
    let mut slipped = whole.clone();
    whole.write(PROVIDER, evaluate());
    whole.write(RECIPIENT, evaluate());
    let mut trapped = disputed.clone();
    trapped.write(PROVIDER, act(Engaging::Dispute(note())));
    trapped.write(RECIPIENT, act(Engaging::Withdraw(note())));
    trapped.write(PROVIDER, act(Engaging::Confirm(note())));
    trapped.write(RECIPIENT, act(Engaging::Confirm(note())));
    let mut left = active.clone();
    left.write(PROVIDER, act(Engaging::Dispute(note())));
    left.write(RECIPIENT, act(Engaging::Confirm(note())));
    left.write(RECIPIENT, act(Engaging::Withdraw(note())));
    disputed.write(RECIPIENT, act(Engaging::Dispute(note())));
    disputed.write(RECIPIENT, resolve("ended"));
    disputed.write(PROVIDER, resolve("resume"));
    disputed.write(RECIPIENT, resolve("resume"));
    slipped.write_knowing(PROVIDER, 1, &accepted.acts, act(Engaging::Withdraw(note())));
    slipped.write(PROVIDER, act(Engaging::Note(note())));
    let mut crossing = proposed();
    let known = crossing.acts.clone();
    crossing.write_knowing(PROVIDER, 0, &known, act(Engaging::Agree(EngagementAgreement::default())));
    crossing.write_knowing(RECIPIENT, 0, &known, accept(crossing.root(), &[]));
    let mut both = active.clone();
    both.write_knowing(PROVIDER, 0, &active.acts, act(Engaging::Deliver(note())));
    both.write_knowing(RECIPIENT, 0, &active.acts, act(Engaging::Withdraw(note())));
    let terms = RecipientTerms {
        data_locations: vec!["TV".to_owned()],
        law: "Tuvalu".to_owned(),
        ..Default::default()
    };
    let conditions = ProviderTerms {
        data_locations: vec!["TV".to_owned(), "US".to_owned()],
        law: " TUVALU".to_owned(),
        ..Default::default()
    };
    let mut against = Pen::new("vectors: terms");
    against.write(PROVIDER, proposal(conditions, terms));
    against.write(RECIPIENT, accept(against.root(), &[]));
    let mut waived = against.clone();
    waived.write(RECIPIENT, accept(waived.root(), &["data_location:US"]));
    let (yes, start) = (active.acts[1].hash, (RECIPIENT, 0, 0));
    let mut third = proposed();
    third.write(3, act(Engaging::Note(note())));
    third.write(PROVIDER, accept(third.root(), &[]));
    vec![
        engagement_case("engagement: from proposal to evaluation", &whole, &[], &[]),
        engagement_case("engagement: a dispute is resolved", &disputed, &[], &[]),
        engagement_case("engagement: confirmed while the provider disputes", &trapped, &[], &[]),
        engagement_case("engagement: left while the provider disputes", &left, &[], &[]),
        engagement_case("engagement: an old withdrawal by a second key", &slipped, &[], &[]),
        engagement_case("engagement: new conditions cross an acceptance", &crossing, &[], &[]),
        engagement_case("engagement: a delivery crosses a withdrawal", &both, &[], &[]),
        engagement_case("engagement: accepted against the terms", &against, &[], &[]),
        engagement_case("engagement: a conflict is waived", &waived, &[], &[]),
        engagement_case("engagement: the acceptance is missing", &active, &[], &[yes]),
        engagement_case("engagement: the acceptance was cut off", &active, &[start], &[]),
        engagement_case("engagement: the acceptance was cut off before it came", &active, &[start], &[yes]),
        engagement_case("engagement: acts of others", &third, &[], &[]),
    ]
}

fn funds() -> Vec<ActsCase> {
    use fund::{DONOR, RECIPIENT, act, back, committed, paid, paid_in, payment, pledge, propose, step, vote};
    let (mut whole, project, promised) = committed(&["400.10", "199.90"]);
    whole.write(2, act(Funding::Approve(step(project, 1))));
    let before = whole.clone();
    whole.write(1, act(Funding::Disburse(step(project, 1))));
    whole.write(2, act(Funding::Approve(step(project, 2))));
    whole.write(RECIPIENT, act(Funding::Receipt(step(project, 1))));
    whole.write(RECIPIENT, act(Funding::Report(step(project, 1))));
    whole.write(2, act(Funding::Approve(step(project, 2))));
    whole.write(3, act(Funding::Disburse(step(project, 2))));
    whole.write(1, act(Funding::Refund(payment(project, "0.01", "USD"))));
    whole.write(2, act(Funding::Refund(paid(project, "0.01", "USD", " 0.01usd"))));
    whole.write(1, act(Funding::Refund(payment(project, "600", "USD"))));
    let euros = whole.write(DONOR, pledge("0.000000000000000001", "EUR"));
    whole.write(2, paid_in(euros, "0.000000000000000001", "EUR"));
    let mut left = before.clone();
    left.write(3, act(Funding::Approve(step(project, 0))));
    left.write(1, act(Funding::Release(step(project, 0))));
    left.write(3, act(Funding::Approve(back(promised, "1", "USD"))));
    left.write(1, act(Funding::PayBack(payment(promised, "999.99", "USD"))));
    left.write(3, act(Funding::Approve(step(promised, 0))));
    left.write(3, act(Funding::Approve(back(promised, "999.99", "USD"))));
    left.write(1, act(Funding::PayBack(payment(promised, "999.99", "USD"))));
    left.write(1, act(Funding::Close(step(left.root(), 0))));
    left.write(2, act(Funding::Approve(step(left.root(), 0))));
    left.write(1, act(Funding::Close(step(left.root(), 0))));
    let (mut race, _) = fund::funded();
    let (one, two) = (race.write(5, propose(&["600"], "USD")), race.write(5, propose(&["700"], "USD")));
    for member in [1, 2] {
        race.write(member, vote(one, true));
        race.write(member, vote(two, true));
    }
    let known = race.acts.clone();
    race.write_knowing(1, 0, &known, act(Funding::Commit(step(one, 0))));
    race.write_knowing(2, 0, &known, act(Funding::Commit(step(two, 0))));
    let mut built = race.clone();
    let second: Vec<_> = race
        .acts
        .iter()
        .filter(|a| a.author != pen::party(1) || known.iter().any(|k| k.hash == a.hash))
        .cloned()
        .collect();
    built.write_knowing(3, 0, &second, act(Funding::Approve(step(two, 1))));
    let mut amended = before.clone();
    let amend = amended.write(3, act(Funding::Amend(fund::charter(1, &[3], &["USD"]))));
    amended.write(3, act(Funding::Enact(step(amend, 0))));
    amended.write(1, act(Funding::Approve(step(amend, 0))));
    amended.write(3, act(Funding::Enact(step(amend, 0))));
    amended.write(1, act(Funding::Disburse(step(project, 1))));
    amended.write(3, act(Funding::Disburse(step(project, 1))));
    vec![
        fund_case("fund: from pledge to refund", &whole, &[]),
        fund_case("fund: released, paid back and closed", &left, &[]),
        fund_case("fund: two commitments of more than there is", &race, &[]),
        fund_case("fund: of two commitments one was built on", &built, &[]),
        fund_case("fund: another charter", &amended, &[]),
        fund_case("fund: a vote was cut off", &whole, &[(2, 0, 0)]),
    ]
}
