//! Words and sockets of the Belgie gateway.
//!
//! A plugin is a crate that knows this one and nothing of the machine behind it. Here stand the *words* every part of
//! the gateway shares ([`Principal`], [`Caller`], [`Scope`], [`Failure`], [`Event`], the ids) and the *sockets* a
//! plugin fills or is lent: [`Plugin`], [`Mount`], [`Host`] and the [`ports`].
//!
//! The way of a request is `Credential -> Principal -> Caller -> Permit`: only the stage that earns a type can build
//! it, so [`Principal`] and [`Caller`] have no public constructor.

pub mod access;
pub mod caller;
pub mod clock;
pub mod command;
pub mod context;
pub mod crypto;
pub mod db;
pub mod entropy;
pub mod event;
pub mod failure;
pub mod hooks;
#[doc(hidden)]
pub mod host;
pub mod id;
pub mod plan;
pub mod plugin;
pub mod ports;
pub mod principal;
pub mod resource;
pub mod scope;
pub mod settings;
pub mod text;
pub mod time;
pub mod token;
pub mod tools;
pub mod web;

pub use access::{Rule, access};
pub use caller::Caller;
pub use clock::Clock;
pub use entropy::Entropy;
pub use event::Event;
pub use failure::{Failure, Result};
pub use id::{
    AuditId, ClientId, ClientInvitationId, ConsentId, DecisionId, GrantId, InvitationId, LinkedAccountId, MailId,
    MembershipId, MeteredId, OrgId, ServiceId, SessionId, SubscriptionId, TeamId, TokenId, UserId,
};
pub use plan::{Interval, Meter, Plan, Plans, PriceName, Proration, Quota, Sale};
pub use plugin::{Manifest, Mount, Plugin, Room};
pub use ports::Host;
pub use principal::{GrantBinding, Holder, Presence, Principal, VerifiedToken};
pub use scope::{Scope, ScopeSet};
pub use time::Timestamp;
pub use token::{PlainToken, TokenHash, TokenKind};
pub use tools::{State, ToolSet, tool};

pub use async_trait::async_trait;
pub use axum;
pub use clap;
pub use rmcp;
pub use schemars;
pub use serde;
pub use serde_json;
pub use sqlx;
