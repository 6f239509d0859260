//! A client that calls the tool, one call after the other, and reads every answer.

use crate::cell::Era;
use crate::client::Connection;
use crate::wire::{self, Headers, Ready};

/// One connection, and its session in the era that has them.
pub struct Agent {
    connection: Connection,
    era: Era,
    headers: Headers,
    last: usize,
}

impl Agent {
    /// Connects.
    pub fn open(ready: &Ready, era: Era) -> anyhow::Result<Self> {
        let mut connection = Connection::open(ready.address)?;
        let mut headers = wire::headers(era, ready);
        if era == Era::Legacy {
            let session = wire::open_session(&mut connection, ready)?;
            headers.extend(session.map(|id| ("Mcp-Session-Id", id)));
        }
        Ok(Self { connection, era, headers, last: 0 })
    }

    /// Calls the tool so many times and checks every answer; gives the size of the last body, in bytes.
    pub fn call(&mut self, times: usize) -> anyhow::Result<usize> {
        let mut size = 0;
        for _ in 0..times {
            self.last += 1;
            let answer = self.connection.post(wire::PATH, &self.headers, &wire::call(self.era, self.last))?;
            wire::check(&answer, self.last)?;
            size = answer.body.len();
        }
        Ok(size)
    }
}
