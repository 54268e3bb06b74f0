//! Parts of a query that count so much, whatever in them matched.
//!
//! Nothing is read to score them. In a file of the index where such a part matches nothing, or where one that counts
//! nothing matches everything, it falls out of the query.

use tantivy::query::{
    AllScorer, ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight,
};
use tantivy::{DocId, DocSet, Score, SegmentReader, TERMINATED, Term};

/// Matches what its query matches.
#[derive(Debug)]
pub(super) struct Counting {
    query: Box<dyn Query>,
    score: Score,
}

impl Counting {
    /// A part that adds `score` to each match; 0 for one that only narrows.
    pub(super) fn over(query: impl Query, score: Score) -> Box<dyn Query> {
        Box::new(Self { query: Box::new(query), score })
    }
}

impl Clone for Counting {
    fn clone(&self) -> Self {
        Self { query: self.query.box_clone(), score: self.score }
    }
}

impl Query for Counting {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let EnableScoring::Enabled { searcher, .. } = scoring else { return self.query.weight(scoring) };
        let weight = self.query.weight(EnableScoring::disabled_from_searcher(searcher))?;
        Ok(Box::new(CountingWeight { weight, score: self.score }))
    }

    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a Term, bool)) {
        self.query.query_terms(visitor);
    }
}

struct CountingWeight {
    weight: Box<dyn Weight>,
    score: Score,
}

impl Weight for CountingWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let scorer = self.weight.scorer(reader, boost)?;
        if scorer.doc() == TERMINATED {
            return Ok(Box::new(EmptyScorer));
        }
        if self.score == 0.0 && scorer.is::<AllScorer>() {
            return Ok(scorer);
        }
        Ok(Box::new(ConstScorer::new(scorer, boost * self.score)))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        self.weight.explain(reader, doc)
    }

    fn count(&self, reader: &SegmentReader) -> tantivy::Result<u32> {
        self.weight.count(reader)
    }
}
