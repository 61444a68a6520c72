//! The cheap checks of a whole policy: what is declared and not used, what is probably not meant.
//! Input: the policy and its rules. Output: warnings and notes, and the error that a default is missing.

use crate::codes;
use crate::diagnostic::{Diagnostics, Fix};
use crate::expand::ExpandError;
use crate::iptables::meaning::{Context, Field, tracks};
use crate::iptables::ruleset::{ChainPolicy, Match, Ruleset, TableName, Target};
use crate::net::{Both, Family, Interface};
use crate::policy::{Argument, Block, Declarations, Policy, Role, Statement};
use crate::resolve::core::DEFAULT_CHAINS;
use crate::resolve::{ResolveError, Scope};
use crate::snippet::library::Library;
use crate::snippet::signature::Kind;
use crate::syntax::Ast;

codes! {
    /// What a policy as a whole probably does not mean.
    PolicyWarning:
    /// A definition that no sentence uses.
    UnusedDefinition = Warning "cgwfw::policy::unused_definition",
    /// An interface that no sentence names.
    UnusedInterface = Warning "cgwfw::policy::unused_interface",
    /// An interface on which nothing is allowed.
    NeverPermitted = Warning "cgwfw::policy::never_permitted",
    /// `reject in` on a public interface.
    RejectOnPublic = Warning "cgwfw::policy::reject_on_public",
    /// An MSS that no Ethernet carries through a tunnel.
    LargeMss = Warning "cgwfw::policy::large_mss",
}

/// The largest MSS of TCP over IPv6 on Ethernet (1500 - 40 - 20), and a clamp above it does nothing for a tunnel.
const MAX_MSS: u32 = 1440;

/// What the sentences show.
pub fn check(policy: &Policy, scope: &Scope, ast: &Ast, library: &Library, diagnostics: &mut Diagnostics) {
    unused(policy, scope, diagnostics);
    for statement in &policy.statements {
        if let Statement::Block(block) = statement {
            reject_on_public(block, scope, ast, library, diagnostics);
            large_mss(block, ast, library, diagnostics);
        }
    }
}

/// What the rules show.
pub fn check_rules(policy: &Policy, ast: &Ast, rulesets: &Both<Ruleset>, notes: bool, diagnostics: &mut Diagnostics) {
    missing_default(policy, ast, rulesets, diagnostics);
    if notes && !diagnostics.has_errors() {
        fragments(policy, rulesets, diagnostics);
    }
}

fn unused(policy: &Policy, scope: &Scope, diagnostics: &mut Diagnostics) {
    for (definition, _) in scope.declarations.definitions.iter().zip(&scope.used).filter(|(_, used)| !**used) {
        let report = PolicyWarning::UnusedDefinition.at(
            definition.span,
            format!("`{}` is defined and never used", definition.name),
            "no sentence uses it",
            format!("write `${}` where it is meant, or remove the definition", definition.name),
        );
        diagnostics.push(report.fix(Fix::Remove(definition.whole)));
    }
    let closed = policy.defaults.contains(&Some(ChainPolicy::Drop));
    for (index, declared) in scope.declarations.interfaces.iter().enumerate() {
        let name = &declared.name;
        if !scope.named[index] {
            let report = PolicyWarning::UnusedInterface.at(
                declared.span,
                format!("the interface `{name}` is declared and never used"),
                "no sentence names it",
                format!("write sentences `on {name}`, or remove the declaration"),
            );
            diagnostics.push(report.fix(Fix::Remove(declared.whole)));
        } else if closed && !scope.decided[index] && !carries_another(scope.declarations, name) {
            diagnostics.push(PolicyWarning::NeverPermitted.at(
                declared.span,
                format!("nothing is allowed on the interface `{name}`"),
                "no `allow` sentence names it",
                format!("write `allow … on {name}`, or remove the declaration if nothing may pass there"),
            ));
        }
    }
}

fn carries_another(declarations: &Declarations, name: &Interface) -> bool {
    declarations.interfaces.iter().any(|declared| declared.over.is_some_and(|(over, _)| over == *name))
}

/// The seed says: reject inside, drop at the edge; every rejected packet from the Internet is answered with another.
fn reject_on_public(block: &Block, scope: &Scope, ast: &Ast, library: &Library, diagnostics: &mut Diagnostics) {
    let snippet = &library.snippets[usize::from(block.snippet)];
    let rejects = snippet.signature.forms[usize::from(block.form)].words.first().is_some_and(|verb| verb == "reject");
    let Some(traffic) = block.traffic.as_deref().filter(|traffic| rejects && traffic.directions.input) else { return };
    let public = traffic.on.items.iter().find(|name| scope.declarations.role(name) == Some(Role::Public));
    if let Some(name) = public.filter(|_| !traffic.on.negated) {
        diagnostics.push(PolicyWarning::RejectOnPublic.at(
            ast.span(&ast.sentences[block.sentence as usize]),
            format!("`reject` answers every packet that comes in on the public interface `{name}`"),
            "the answers can be turned against others",
            "write `drop` here, and `reject` on the inner interfaces",
        ));
    }
}

fn large_mss(block: &Block, ast: &Ast, library: &Library, diagnostics: &mut Diagnostics) {
    let snippet = &library.snippets[usize::from(block.snippet)];
    if snippet.signature.table != TableName::Mangle
        || !snippet.signature.forms[0].words.iter().any(|word| word == "mss")
    {
        return;
    }
    for (index, argument) in &block.arguments {
        let parameter = &snippet.signature.parameters[usize::from(*index)];
        let (Kind::Number { .. }, Argument::Text(Both { v4: text, .. })) = (&parameter.kind, argument) else {
            continue;
        };
        if let Some(size) = text.parse::<u32>().ok().filter(|size| *size > MAX_MSS) {
            diagnostics.push(PolicyWarning::LargeMss.at(
                ast.span(&ast.sentences[block.sentence as usize]),
                format!("an MSS of {size} is more than any tunnel over Ethernet carries"),
                "clamps nothing",
                format!("write the size that arrives, at most {MAX_MSS}: 1250 is a safe one"),
            ));
        }
    }
}

fn missing_default(policy: &Policy, ast: &Ast, rulesets: &Both<Ruleset>, diagnostics: &mut Diagnostics) {
    let defaults = DEFAULT_CHAINS.iter().zip(policy.defaults);
    let missing: Vec<&str> = defaults.filter(|(_, default)| default.is_none()).map(|(chain, _)| *chain).collect();
    if missing.is_empty() || policy.default_refused {
        return;
    }
    let filter = rulesets.iter().filter_map(|ruleset| ruleset.table(TableName::Filter));
    let Some(sentence) =
        filter.flat_map(|table| &table.rules).flat_map(|rule| rule.origins.iter()).map(|origin| origin.sentence).min()
    else {
        return;
    };
    let (message, help, fix) = if missing.len() == DEFAULT_CHAINS.len() {
        let help = "add `default drop`, or `default accept` if that is meant".to_owned();
        ("the policy has no default".to_owned(), help, "default drop".to_owned())
    } else {
        let chains = missing.join(", ");
        (
            format!("the policy has no default for {chains}"),
            format!("add `default drop {chains}`, or `default drop` for all three"),
            format!("default drop {chains}"),
        )
    };
    let span = ast.span(&ast.sentences[sentence as usize]);
    let label = "filters packets; what no rule decides would pass in silence";
    diagnostics.push(ResolveError::DefaultMissing.at(span, message, label, help).fix(Fix::Sentence(fix)));
}

/// Without connection tracking nobody puts fragments together: a rule with ports sees only the first of them.
fn fragments(policy: &Policy, rulesets: &Both<Ruleset>, diagnostics: &mut Diagnostics) {
    let Some(span) = policy.default_drop else { return };
    let mut families = Vec::new();
    for ruleset in rulesets.iter() {
        let context = Context::of(ruleset.family);
        let has_ports = |one: &Match| {
            let mut found = false;
            one.condition(&context).tests(&mut |field, _, _| {
                found |= matches!(field, Field::SourcePort | Field::DestinationPort | Field::TcpFlags);
            });
            found
        };
        let relevant = |chain: &str| ruleset.family == Family::V6 || chain == "FORWARD";
        let filter = ruleset.table(TableName::Filter);
        let ports = filter.is_some_and(|table| {
            table.rules.iter().any(|rule| {
                let chain = &table.chains[rule.chain.0 as usize].name;
                relevant(chain) && rule.target == Target::Accept && rule.matches.iter().any(has_ports)
            })
        });
        if !tracks(ruleset) && ports {
            families.push(ruleset.family.name());
        }
    }
    if !families.is_empty() {
        let families = families.join(" and ");
        diagnostics.push(ExpandError::Fragments.at(
            span,
            format!("in {families}, fragments of TCP and UDP packets do not pass the rules that name ports"),
            "drops fragments, which have no ports",
            "keep packets small (clamp the MSS, IKE fragmentation), or use `with fragments` on `allow ipsec`, or a sentence with `state`",
        ));
    }
}
