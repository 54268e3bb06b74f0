//! Bytes for `workbook`; what it promises is in tests/src/fuzz.rs.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| caphub_tests::fuzz::one("workbook", bytes));
