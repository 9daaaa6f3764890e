//! The read model: search terms, predicates, the inverted index, pages and facets.
