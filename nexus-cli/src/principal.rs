//! Principal of the command line: options, else variables, else the configuration file, else the local admin.

use nexus_core::access::ADMIN;
use nexus_core::{Principal, Result};
use nexus_providers::bootstrap::{Config, Environment, Source};

use crate::cli::Global;

const TENANT: &str = "local";
const USER: &str = "local";

/// Returns the principal of the options, the variables behind them and the configuration.
///
/// # Errors
/// `InvalidInput` for an invalid id or role.
pub(crate) fn principal(global: &Global, config: &Config, env: &Environment) -> Result<Principal> {
    let tenant = global.tenant.as_ref().or(config.tenant.as_ref());
    let user = match global.user.as_ref().or(config.user.as_ref()) {
        Some(user) => user.clone(),
        None => operating_system_user(env)?,
    };
    let named = |said: &[String], configured: &[String]| {
        if said.is_empty() { configured.to_vec() } else { said.to_vec() }
    };
    let mut roles = named(&global.roles, &config.roles);
    if roles.is_empty() {
        roles.push(ADMIN.to_owned());
    }
    let groups = named(&global.groups, &config.groups);
    for name in roles.iter().chain(&groups) {
        nexus_core::id::check_name("role or group", name)?;
    }
    let caller = Principal::user(tenant.map_or(TENANT, String::as_str), user)?;
    Ok(caller.roles(roles).groups(groups))
}

fn operating_system_user(env: &Environment) -> Result<String> {
    let name = env.text("USER")?;
    Ok(name.or(env.text("LOGNAME")?).unwrap_or_else(|| USER.to_owned()))
}

/// Returns the variable with the operating system's name of the user, if there is one.
pub(crate) fn user_source(env: &Environment) -> Option<Source> {
    ["USER", "LOGNAME"].into_iter().find_map(|variable| {
        let origin = env.origin(variable)?.clone();
        Some(Source { origin, variable: Some(variable.to_owned()) })
    })
}
