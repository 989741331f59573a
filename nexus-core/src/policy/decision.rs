//! Decisions: [`Decision`] with its [`Effect`], the rules that determined it and the [`Obligation`]s that come with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

/// Code of an operation that needs an approval first.
pub const APPROVAL_REQUIRED: &str = "APPROVAL_REQUIRED";

/// Effect of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The action is allowed.
    Allow,
    /// The action is denied.
    Deny,
    /// The action needs an approval first.
    RequireApproval,
}

impl Effect {
    /// Returns the effect's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::RequireApproval => "require_approval",
        }
    }
}

/// Reason of a decision, for programs. The message is for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The decision was stored by a version that recorded no reason.
    #[default]
    Unrecorded,
    /// A rule allows the action.
    PolicyAllow,
    /// No rule restricts the action.
    DefaultAllow,
    /// A rule denies the action.
    PolicyDeny,
    /// A rule that denies could not be evaluated, and therefore applies.
    PolicyError,
    /// No rule allows the action.
    DefaultDeny,
    /// No role of the principal may take the action.
    RoleDenied,
    /// A rule requires an approval.
    ApprovalRequired,
    /// No component discharges an obligation of the decision.
    ObligationUnknown,
}

impl Reason {
    /// Returns the reason's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unrecorded => "unrecorded",
            Self::PolicyAllow => "policy_allow",
            Self::DefaultAllow => "default_allow",
            Self::PolicyDeny => "policy_deny",
            Self::PolicyError => "policy_error",
            Self::DefaultDeny => "default_deny",
            Self::RoleDenied => "role_denied",
            Self::ApprovalRequired => "approval_required",
            Self::ObligationUnknown => "obligation_unknown",
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_unrecorded(&self) -> bool {
        *self == Self::Unrecorded
    }
}

/// Kind of error in the evaluation of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleErrorKind {
    /// The request lacks an attribute that the condition reads.
    MissingAttribute,
    /// An attribute has another type than the condition compares it with.
    TypeMismatch,
    /// A time has no offset from UTC.
    InvalidTime,
}

/// Error in the evaluation of a rule. A restriction with an error applies; a permission with an error does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleError {
    /// Id of the rule.
    pub rule: String,
    /// Path of the condition within the rule.
    pub path: String,
    /// Kind.
    pub kind: RuleErrorKind,
    /// Attribute of the request.
    pub attribute: String,
}

/// Obligation: a duty that comes with an allowed action. A component of Nexus discharges it, or the action is denied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obligation {
    /// Kind, such as `redact_fields`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Arguments, by name.
    #[serde(flatten)]
    pub arguments: BTreeMap<String, serde_json::Value>,
}

/// Requirement of an approval. Where several apply, all must be met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApprovalRule {
    /// Id of the rule that requires the approval.
    pub rule: String,
    /// Roles whose holders may approve.
    pub roles: Vec<String>,
    /// Number of approvals.
    pub quorum: u8,
    /// Whether the requester may approve.
    pub self_approval: bool,
    /// Seconds after which an unanswered request for approval expires.
    pub expires_in_s: u64,
    /// Whether an approval must state its reason.
    pub reason_required: bool,
}

impl Default for ApprovalRule {
    /// Returns one approval by an admin other than the requester, with a reason, within a day.
    fn default() -> Self {
        Self {
            rule: String::new(),
            roles: vec!["admin".to_owned()],
            quorum: 1,
            self_approval: false,
            expires_in_s: 24 * 60 * 60,
            reason_required: true,
        }
    }
}

/// Value of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConditionValue {
    /// The condition holds.
    True,
    /// The condition does not hold.
    False,
    /// The condition could not be evaluated.
    Error,
}

/// Explanation of a condition: its value, and those of its parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Id of the rule and path of the condition within it.
    pub condition: String,
    /// Value.
    pub value: ConditionValue,
    /// Parts, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Explanation>,
}

/// Decision of a policy, with the rules that determined it.
///
/// A decision has more parts than most callers set: begin with [`Decision::new`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Effect.
    pub effect: Effect,
    /// Determining rules, as `layer:id`; empty for a default.
    pub rules: Vec<String>,
    /// Reason in a sentence for the user.
    #[serde(rename = "reason")]
    pub message: String,
    /// Version of the policy that decided.
    pub policy_version: String,
    /// Reason.
    #[serde(rename = "reason_code", default, skip_serializing_if = "Reason::is_unrecorded")]
    pub reason: Reason,
    /// Rules that could not be evaluated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<RuleError>,
    /// Obligations of every applicable rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obligations: Vec<Obligation>,
    /// Requirements of an approval; all must be met.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<ApprovalRule>,
    /// Cost units of the action, where a rule sets them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_units: Option<u64>,
    /// Explanation of the rules, where one was requested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub explanation: Vec<Explanation>,
}

impl Decision {
    /// Creates a decision without rules, errors, obligations, approvals, cost and explanation.
    pub fn new(
        effect: Effect,
        reason: Reason,
        message: impl Into<String>,
        policy_version: impl Into<String>,
    ) -> Self {
        Self {
            effect,
            rules: Vec::new(),
            message: message.into(),
            policy_version: policy_version.into(),
            reason,
            errors: Vec::new(),
            obligations: Vec::new(),
            approvals: Vec::new(),
            cost_units: None,
            explanation: Vec::new(),
        }
    }

    /// Sets the determining rules.
    #[must_use]
    pub fn with_rules(self, rules: Vec<String>) -> Self {
        Self { rules, ..self }
    }

    /// Returns whether the action is allowed now.
    pub fn allows(&self) -> bool {
        self.effect == Effect::Allow
    }

    /// Returns the stable code of a decision that does not allow the action now.
    pub fn code(&self) -> Option<&'static str> {
        match (self.effect, self.reason) {
            (Effect::Allow, _) => None,
            (Effect::RequireApproval, _) => Some(APPROVAL_REQUIRED),
            (Effect::Deny, Reason::ObligationUnknown) => Some("OBLIGATION_UNKNOWN"),
            (Effect::Deny, Reason::PolicyDeny | Reason::PolicyError | Reason::DefaultDeny) => {
                Some("POLICY_DENIED")
            }
            (
                Effect::Deny,
                Reason::Unrecorded
                | Reason::RoleDenied
                | Reason::PolicyAllow
                | Reason::DefaultAllow
                | Reason::ApprovalRequired,
            ) => Some(ErrorKind::Denied.code()),
        }
    }

    /// Turns the decision into a denial if an obligation is not among `discharged`. A denial stays as it is, since
    /// its obligations are of no effect.
    #[must_use]
    pub fn requiring_discharge(self, discharged: &[&str]) -> Self {
        let unknown = |duty: &&Obligation| !discharged.contains(&duty.kind.as_str());
        match self.obligations.iter().find(unknown) {
            Some(unknown) if self.effect != Effect::Deny => {
                let message = format!(
                    "the policy attaches the obligation `{}`, which no component discharges",
                    unknown.kind.escape_debug()
                );
                Self { effect: Effect::Deny, reason: Reason::ObligationUnknown, message, ..self }
            }
            Some(_) | None => self,
        }
    }

    /// Returns the decision as an error, for operations whose result has no room for a denial: `Denied`, or
    /// `Conflict` with `APPROVAL_REQUIRED` where only an approval is missing.
    pub fn into_error(self) -> Error {
        let code = self.code().unwrap_or(ErrorKind::Denied.code());
        let error = if self.effect == Effect::RequireApproval {
            Error::new(ErrorKind::Conflict, format!("this needs an approval first: {}", self.message))
                .with_hint("ask for the approval of a user with that right")
        } else {
            Error::new(ErrorKind::Denied, self.message)
        };
        error.with_code(code).with("policy_version", self.policy_version).with("rules", self.rules.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn decision(effect: Effect, reason: Reason) -> Decision {
        Decision::new(effect, reason, "because", "v1")
    }

    fn duty(kind: &str) -> Obligation {
        Obligation {
            kind: kind.to_owned(),
            arguments: BTreeMap::from([("fields".to_owned(), json!(["ip"]))]),
        }
    }

    #[test]
    fn decision_stored_by_an_earlier_version_reads_and_prints_as_before() {
        let stored = r#"{"effect":"deny","rules":["role:x"],"reason":"because","policy_version":"v1"}"#;
        let read: Decision = serde_json::from_str(stored).unwrap();
        assert_eq!(read, decision(Effect::Deny, Reason::Unrecorded).with_rules(vec!["role:x".to_owned()]));
        assert_eq!(serde_json::to_string(&read).unwrap(), stored);
        assert_eq!(read.code(), Some("DENIED"));
    }

    #[test]
    fn decision_with_all_its_parts_is_the_same_after_it_was_stored() {
        let condition = Explanation {
            condition: "r1/when".to_owned(),
            value: ConditionValue::Error,
            parts: vec![Explanation {
                condition: "r1/when/all/0".to_owned(),
                value: ConditionValue::True,
                parts: vec![],
            }],
        };
        let error = RuleError {
            rule: "r1".to_owned(),
            path: "when".to_owned(),
            kind: RuleErrorKind::TypeMismatch,
            attribute: "resource.level".to_owned(),
        };
        let whole = Decision {
            errors: vec![error],
            obligations: vec![duty("redact_fields")],
            approvals: vec![ApprovalRule { quorum: 2, ..ApprovalRule::default() }],
            cost_units: Some(25),
            explanation: vec![condition],
            ..decision(Effect::RequireApproval, Reason::ApprovalRequired)
        };
        let stored = serde_json::to_value(&whole).unwrap();
        assert_eq!(stored["obligations"], json!([{"type": "redact_fields", "fields": ["ip"]}]));
        assert_eq!(serde_json::from_value::<Decision>(stored).unwrap(), whole);
    }

    #[test]
    fn an_obligation_that_no_component_discharges_is_a_denial() {
        for effect in [Effect::Allow, Effect::RequireApproval] {
            let allowed = Decision {
                obligations: vec![duty("notify"), duty("sing")],
                ..decision(effect, Reason::PolicyAllow)
            };
            assert_eq!(allowed.clone().requiring_discharge(&["sing", "notify"]), allowed);
            let denied = allowed.requiring_discharge(&["notify"]);
            assert_eq!((denied.effect, denied.reason), (Effect::Deny, Reason::ObligationUnknown));
            let error = denied.into_error();
            assert_eq!((error.kind(), error.code()), (ErrorKind::Denied, "OBLIGATION_UNKNOWN"));
            assert!(error.message().contains("`sing`"), "{error}");
        }
        let denied =
            Decision { obligations: vec![duty("sing")], ..decision(Effect::Deny, Reason::PolicyDeny) };
        assert_eq!(denied.clone().requiring_discharge(&[]), denied);
    }

    #[test]
    fn a_missing_approval_is_no_plain_denial() {
        let error = decision(Effect::RequireApproval, Reason::ApprovalRequired).into_error();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "APPROVAL_REQUIRED"));
        let error = decision(Effect::Deny, Reason::PolicyDeny).into_error();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Denied, "POLICY_DENIED"));
    }
}
