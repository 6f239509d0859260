//! What parts of the gateway are told of its configuration.

use crate::config::Config;
use crate::limits;
use crate::mcp::McpSettings;

/// What the MCP endpoint is told.
pub(super) fn mcp_settings(config: &Config) -> McpSettings {
    McpSettings {
        allowed_hosts: config.allowed_hosts(),
        allowed_origins: config.allowed_origins(),
        max_body_bytes: config.server.max_body_bytes,
        body_timeout: config.server.body_timeout,
        max_sessions_per_user: config.mcp.max_sessions_per_user,
        session_idle: config.mcp.session_idle,
        list_ttl: config.mcp.list_ttl,
        name: config.mcp.name.clone(),
        title: Some(config.mcp.title.clone()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        instructions: config.mcp.instructions.clone(),
        locked_tools: config.mcp.locked_tools,
        direct_path: config.mcp.direct_path,
    }
}

/// How large the buckets are.
pub(super) fn limit_settings(config: &Config) -> limits::LimitsSettings {
    let limits = &config.limits;
    let bucket = |per_minute| limits::BucketSettings { burst: per_minute, per_minute };
    limits::LimitsSettings {
        sign_in_by_address: bucket(limits.sign_in_per_minute),
        sign_in_by_account: bucket(limits.sign_in_per_account_per_minute),
        sign_in_by_strangers_per_hour: limits.sign_in_from_new_devices_per_hour,
        sign_in_by_device: bucket(limits.sign_in_per_account_per_minute),
        mail_by_address: bucket(limits.mails_per_minute),
        mail_to_recipient_per_hour: limits.mails_per_recipient_per_hour,
        sign_up: bucket(limits.sign_up_per_minute),
        register: bucket(limits.register_per_minute),
        authorize: bucket(limits.authorize_per_minute),
        billing: bucket(limits.billing_per_minute),
        token: bucket(limits.token_per_minute),
        client: bucket(limits.client_per_minute),
        revoke: bucket(limits.revoke_per_minute),
        introspect: bucket(limits.introspect_per_minute),
        user_info: bucket(limits.userinfo_per_minute),
        manage: bucket(limits.manage_per_minute),
    }
}
