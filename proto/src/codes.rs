//! Published lists: countries, regions, vocabularies, currencies and language tags.
//!
//! They are defaults, each with its source and version; hubs may publish vocabularies of their own beside
//! them. Country and region designations follow the lists named in [`sources`] and imply no opinion on the
//! legal status of any country, territory, city or area, or of its authorities. The tables are part of the
//! program: nothing here reads a file, a clock or a random source.

pub mod country;
pub mod currency;
pub mod language;
mod names;
pub mod region;
mod source;
mod table;
pub mod vocabulary;

pub use language::Lang;
pub use names::Names;
pub use source::{Source, sources};
