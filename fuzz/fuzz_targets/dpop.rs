#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| belgie_oauth_server::fuzzing::dpop(data));
