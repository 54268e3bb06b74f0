//! `caphub search WORDS`.

use caphub_node::views::PageRequest;
use caphub_proto::v1::Filter;

use crate::arguments::Search;
use crate::commands::Context;
use crate::commands::records::print_records;
use crate::failure::{Failure, Outcome};

/// Searches the replica; works without a network.
pub fn run(context: &Context, search: &Search) -> Outcome {
    let replica = context.replica()?;
    let filter = Filter { kinds: search.kind.clone(), ..Filter::default() };
    let limit = search.limit.unwrap_or(50);
    let request = PageRequest { size: limit, token: String::new() };
    let now = caphub_node::author::now_ms();
    let words = search.words.join(" ");
    let page = replica.core.views.search(&replica.viewer(), &words, &filter, &request, now);
    let page = page.map_err(|e| Failure::new("error-views").because(e))?;
    print_records(context, &page.records);
    if !context.json && page.total > page.records.len() as u64 {
        context.say("search-more", &[("total", &page.total.to_string())]);
    }
    Ok(())
}
