//! Entry points for fuzzing: bytes of any kind go in; a broken invariant panics.
