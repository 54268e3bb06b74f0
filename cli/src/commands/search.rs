//! `caphub search WORDS`.

use caphub_node::views::PageRequest;
use caphub_proto::v1::Filter;

use crate::arguments::Search;
use crate::commands::records::{labels, print_records};
use crate::commands::{Context, compose};
use crate::failure::{Failure, Outcome};

/// Searches the replica; works without a network.
pub fn run(context: &Context, search: &Search) -> Outcome {
    let replica = context.replica()?;
    let filter = Filter {
        kinds: search.kind.clone(),
        countries: search.country.iter().map(|c| compose::country(c)).collect::<Result<_, _>>()?,
        themes: search.theme.clone(),
        labels: labels(&search.sector, &search.skill, search.free),
        ..Filter::default()
    };
    let limit = search.limit.unwrap_or(50);
    let request = PageRequest { size: limit, token: String::new() };
    let now = caphub_node::author::now_ms();
    let words = search.words.join(" ");
    let page = replica.core.views.search(&replica.reader(), &words, &filter, &request, now);
    let page = page.map_err(|e| Failure::new("error-views").because(e))?;
    print_records(context, &replica, &page.records)?;
    if !context.json && page.total > page.records.len() as u64 {
        context.say("search-more", &[("total", &page.total.to_string())]);
    }
    Ok(())
}
