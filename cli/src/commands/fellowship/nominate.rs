//! A state names a person: sealed for the call's author and itself, and in public by the sealed entry's hash alone.

use caphub_node::author::Author;
use caphub_proto::v1::fellowship_act::Act as What;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{FellowshipNominate, Nomination};

use crate::arguments::acts::Words;
use crate::commands::sealing::Seal;
use crate::commands::{Context, acting};
use crate::failure::{Failure, Outcome};

/// Whom.
pub(super) struct Person {
    pub(super) name: String,
    pub(super) function: String,
    pub(super) contact: String,
    pub(super) language: Vec<String>,
}

pub(super) async fn nominate(context: &Context, call: &str, person: Person, words: &Words) -> Outcome {
    let found = super::Found::of(context, call)?;
    if found.all.closing.is_some() {
        return Err(Failure::new("error-call-closed"));
    }
    let nomination = Nomination {
        call: Some(acting::reference(&found.call)),
        name: person.name,
        function: person.function,
        contact: person.contact,
        statement: acting::text(context, words),
        languages: person.language,
    };
    let revision = Author::first(Record::Nomination(nomination));
    let mut revision = revision.map_err(|e| Failure::new("error-key").because(e))?;
    let audience = Seal::new(&[found.all.author])?.put_on(&mut revision);
    // The sealed entry first: its hash is all that the act says.
    let published = found.replica.publish(audience, &[revision], &context.passphrase_question()).await?;
    let sealed = published.first().ok_or_else(|| Failure::new("error-sign"))?;
    let country = found.replica.me.country.clone();
    found.act(context, What::Nominate(FellowshipNominate { nomination: sealed.hash.to_vec(), country })).await
}
