#include "hub/api/hub_api.hpp"

#include "hub/api/audit_routes.hpp"
#include "hub/api/dead_letters_routes.hpp"
#include "hub/api/docs_page.hpp"
#include "hub/api/guard.hpp"
#include "hub/api/rules_routes.hpp"
#include "hub/api/service_routes.hpp"
#include "hub/api/stores_routes.hpp"
#include "hub/api/templates_routes.hpp"
#include "hub/billing/export.hpp"
#include "hub/ingest/erased.hpp"
#include "hub/ledger/owner.hpp"
#include "hub/notifications/hooks.hpp"
#include "hub/points/joining.hpp"
#include "hub/points/notes.hpp"
#include "hub/promotions/hooks.hpp"
#include "hub/wallet/export.hpp"
#include "hub/wheel/hooks.hpp"

namespace perkline::hub::api {
namespace {

/// A card on somebody's word alone shows them nothing: it may be anybody's.
std::optional<CustomerId> proven_card_of(const identity::User& user) {
  return user.loyalty_verified ? user.loyalty_id : std::nullopt;
}

/// What the modules do when somebody registers, asks for their data, or has it erased.
identity::UserHooks user_hooks(const points::Terms& terms, const wheel::Terms& wheel, UuidMaker& uuids) {
  identity::UserHooks hooks;
  wallet::add_hooks(hooks, uuids, terms.currency);
  promotions::add_hooks(hooks, uuids);
  billing::add_hooks(hooks);
  notifications::add_hooks(hooks);
  wheel::add_hooks(hooks, uuids, wheel);
  hooks.exports.push_back(
      {"tills", [](db::Transaction& transaction, const identity::User& user, json::Writer& out) {
         return ingest::write_card(transaction, proven_card_of(user), out);
       }});
  hooks.exports.push_back(
      {"entries", [](db::Transaction& transaction, const identity::User& user, json::Writer& out) {
         std::vector<ledger::Owner> owners{{"user", user.id.str()}};
         if (const auto card = proven_card_of(user)) owners.push_back({"member", card->str()});
         return ledger::write_entries_of(transaction, owners, out);
       }});
  hooks.exports.push_back(
      {"pointsNotes", [](db::Transaction& transaction, const identity::User& user, json::Writer& out) {
         return points::write_notes(transaction, user.id, out);
       }});
  hooks.erased.emplace_back([](db::Transaction& transaction, const identity::Erased& erased) {
    return points::erase_notes(transaction, erased.user.id);
  });
  hooks.erased.emplace_back(&ingest::erase_card);
  hooks.erased.emplace_back([](db::Transaction& transaction, const identity::Erased& erased) {
    return forget_answers_of(transaction, erased.user.id);
  });
  hooks.registered.emplace_back([terms, &uuids](const identity::Registered& registered) {
    return [terms,
            cause =
                points::Cause{.id = uuids.next(), .at = registered.at, .traceparent = registered.traceparent},
            who = points::Registered{registered.user.id, registered.referrer}](db::Transaction& transaction) {
      return points::on_registered(transaction, terms, cause, who);
    };
  });
  hooks.card_verified.emplace_back([terms, &uuids](const identity::CardVerified& verified) {
    return [terms, cause = points::Cause{.id = uuids.next(), .at = verified.at},
            who = points::CardVerified{verified.user, verified.card}](db::Transaction& transaction) {
      return points::on_card_verified(transaction, terms, cause, who);
    };
  });
  return hooks;
}

}  // namespace

HubApi::HubApi(const Parts& parts, const Options& options)
    : parts_(parts),
      uuids_(parts.clock, parts.rng),
      per_member_({.calls_max = options.member_per_second, .window = seconds{1}, .refill = Refill::gradual}),
      hooks_(user_hooks(options.terms, options.wheel, uuids_)),
      sessions_(parts.database, parts.hasher, parts.tokens, parts.clock, uuids_, options.sessions),
      registration_({parts.database, parts.hasher, sessions_, hooks_, parts.clock, parts.rng, uuids_}),
      account_({parts.database, parts.hasher, hooks_, parts.clock, uuids_}),
      user_admin_(parts.database, parts.clock, uuids_),
      erasures_({parts.database, hooks_, parts.clock, parts.rng, uuids_}),
      attempts_(parts.clock, options.limits),
      auth_({registration_, sessions_, parts.tokens, attempts_}, options.secure_cookies),
      account_routes_({parts.database, account_, parts.tokens, attempts_}),
      users_({parts.database, user_admin_, erasures_, hooks_, parts.clock, uuids_}),
      calls_(parts.database, parts.clock),
      wallet_({parts.database, calls_, parts.clock, uuids_, attempts_, options.terms.currency}),
      points_({parts.database, parts.clock, uuids_, calls_, options.terms}),
      webhooks_({parts.database, parts.clock, uuids_, parts.rng}),
      promotions_({parts.database, calls_, parts.clock, uuids_, options.terms.currency}),
      billing_({parts.database, calls_, parts.clock, uuids_, attempts_, options.rates, options.top_ups,
                options.payment_started}),
      prizes_({parts.database, parts.clock, uuids_, options.wheel, options.prizes_changed}),
      wheel_({parts.database, calls_, parts.clock, uuids_, options.wheel, options.on_spin}),
      notifications_({parts.database, parts.tokens, parts.clock}, options.sockets) {
  add_service_routes(router_, parts_.health, parts_.tokens);
  add_docs_routes(router_, docs_page());
  auth_.add_to(router_);
  account_routes_.add_to(router_);
  users_.add_to(router_);
  add_audit_routes(router_, parts_.database);
  add_stores_routes(router_, parts_.database, parts_.clock, uuids_, options.terms.currency);
  add_rules_routes(router_, parts_.database, parts_.clock, uuids_, options.terms.currency);
  points_.add_to(router_);
  wallet_.add_to(router_);
  webhooks_.add_to(router_);
  promotions_.add_to(router_);
  billing_.add_to(router_);
  prizes_.add_to(router_);
  wheel_.add_to(router_);
  notifications_.add_to(router_);
  add_templates_routes(router_, parts_.database, parts_.clock, uuids_);
  wheel::Terms terms = options.wheel;
  terms.programme = options.terms;
  add_dead_letters_routes(router_, parts_.database, parts_.clock, uuids_, std::move(terms));
}

net::Guard HubApi::guard() {
  return make_guard({parts_.database, parts_.tokens, attempts_, per_member_, parts_.clock});
}

}  // namespace perkline::hub::api
