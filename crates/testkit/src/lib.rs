//! A whole catalog server in a test: fixtures, fake upstreams, waiting without sleeping.
