//! What can be wrong with rules.
//! Output: the codes of the reports of `expand` and of its notes.

use crate::codes;

codes! {
    /// What can be wrong with the rules that a sentence yields.
    ExpandError:
    /// Text of a template or a `rules` block that is not a rule.
    BadRule = Error "cgwfw::expand::bad_rule",
    /// A rule that the kernel refuses, or that can never match.
    IllegalRule = Error "cgwfw::expand::illegal_rule",
    /// A sentence that yields no rule in any family.
    NothingLeft = Error "cgwfw::expand::nothing_left",
    /// A sentence that yields more rules than any kernel loads.
    TooManyRules = Error "cgwfw::expand::too_many_rules",
    /// An address set, which must exist before the rules are loaded.
    SetMatch = Warning "cgwfw::expand::set_match",
    /// A connection tracking helper that the kernel does not have.
    UnknownHelper = Warning "cgwfw::expand::unknown_helper",
    /// A sentence whose answers no rule lets pass.
    AnswersDropped = Warning "cgwfw::expand::answers_dropped",
    /// A rate that holds for each of several rules.
    LimitMultiplied = Note "cgwfw::expand::limit_multiplied",
    /// A remark of the building block.
    Remark = Note "cgwfw::expand::remark",
    /// A sentence of one family.
    OneFamily = Note "cgwfw::policy::one_family",
    /// LOG prints nothing from inside a pod.
    LogInPod = Note "cgwfw::policy::log_in_pod",
}
