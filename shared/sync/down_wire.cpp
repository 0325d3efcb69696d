#include "shared/sync/down_wire.hpp"

#include <sync.pb.h>

#include "shared/core/down_limits.hpp"
#include "shared/sync/wire.hpp"

namespace perkline::sync {
namespace {

constexpr std::uint32_t flag_blocked = 1;
constexpr std::size_t key_digits = 64;

std::unexpected<Error> malformed(const char* what) {
  return fail(Errc::malformed_answer, std::string("frame: ") + what);
}

bool is_owed(std::int64_t count) {
  return count >= -points_max.count && count <= points_max.count;
}

bool is_key(std::string_view text) {
  return text.size() == key_digits && from_hex(text).has_value();
}

template <std::size_t Size>
std::string bytes_in(const std::array<std::uint8_t, Size>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// ---- positions

void write_position(const std::optional<Position>& position, v1::Position* (v1::Held::*field)(),
                    v1::Held& out) {
  if (!position) return;
  v1::Position& wire = *(out.*field)();
  wire.set_incarnation(wire::bytes_of(position->incarnation));
  wire.set_at(position->at);
}

bool read_position(bool given, const v1::Position& wire, std::optional<Position>& out) {
  if (!given) return true;
  Position position{.incarnation = {}, .at = wire.at()};
  if (!wire::is_number(wire.at()) || !wire::read_fixed(wire.incarnation(), position.incarnation.bytes))
    return false;
  out = position;
  return true;
}

// ---- the catalogue

void write_head(const CatalogueHead& head, v1::CatalogueHead& out) {
  out.set_incarnation(wire::bytes_of(head.incarnation));
  out.set_version(head.version);
  out.set_digest(wire::bytes_of(head.digest));
  out.set_signature(bytes_in(head.signature));
}

bool read_head(const v1::CatalogueHead& wire, CatalogueHead& out) {
  out.version = wire.version();
  return wire::is_ordinal(wire.version()) && wire::read_fixed(wire.incarnation(), out.incarnation.bytes) &&
         wire::read_fixed(wire.digest(), out.digest) && wire::read_fixed(wire.signature(), out.signature);
}

template <class Wire>
void write_items(const std::vector<CatalogueItem>& items, Wire& out) {
  for (const CatalogueItem& item : items) {
    v1::CatalogueItem& wire = *out.add_item();
    wire.set_kind(item.name.kind);
    wire.set_id(item.name.id);
    if (item.body) wire.set_body(*item.body);
  }
}

bool is_item(const v1::CatalogueItem& wire) {
  return wire.kind() != 0 && wire.id().size() <= limits::id_bytes_max &&
         wire.body().size() <= limits::catalogue_body_bytes_max;
}

template <class Wire>
bool read_items(const Wire& wire, std::vector<CatalogueItem>& out) {
  if (static_cast<std::size_t>(wire.item_size()) > limits::catalogue_items_max) return false;
  std::size_t bytes = 0;
  for (const v1::CatalogueItem& each : wire.item()) {
    if (!is_item(each)) return false;
    CatalogueItem item{.name = {each.kind(), each.id()}};
    if (each.has_body()) item.body = each.body();
    if (!out.empty() && out.back().name >= item.name) return false;
    bytes += each.id().size() + each.body().size();
    out.push_back(std::move(item));
  }
  return bytes <= limits::catalogue_bytes_max;
}

// ---- members

bool read_promotions(const v1::MemberSnapshot& wire, std::vector<Uuid>& out) {
  if (static_cast<std::size_t>(wire.promotion_size()) > limits::sync_promotions_max) return false;
  for (const std::string& each : wire.promotion()) {
    Uuid promotion;
    if (!wire::read_fixed(each, promotion.bytes) || (!out.empty() && out.back() >= promotion)) return false;
    out.push_back(promotion);
  }
  return true;
}

}  // namespace

bool read_member(const v1::MemberSnapshot& wire, MemberSnapshot& out) {
  if (!wire::read_fixed(wire.member(), out.member) || wire.name().size() > limits::text_bytes_max ||
      wire.tier().size() > limits::id_bytes_max || !wire::is_time(wire.as_of_ms()) || !is_owed(wire.owed()) ||
      wire.points() < 0 || Points{wire.points()} > points_max) {
    return false;
  }
  out.name = wire.name();
  out.tier = wire.tier();
  if (wire.has_points()) out.points = Points{wire.points()};
  out.as_of = WallTime{Millis{wire.as_of_ms()}};
  out.owed = wire.owed();
  // Later versions' flags are theirs.
  out.blocked = (wire.flags() & flag_blocked) != 0;
  return read_promotions(wire, out.promotions);
}

void write_member(const MemberSnapshot& member, v1::MemberSnapshot& out) {
  out.set_member(wire::bytes_of(member.member));
  out.set_name(member.name);
  out.set_tier(member.tier);
  if (member.points) out.set_points(member.points->count);
  out.set_as_of_ms(member.as_of.time_since_epoch().count());
  out.set_owed(member.owed);
  out.set_flags(member.blocked ? flag_blocked : 0);
  for (const Uuid& promotion : member.promotions) out.add_promotion(wire::bytes_of(promotion));
}

void write_down(const Held& held, v1::Held& out) {
  write_position(held.catalogue, &v1::Held::mutable_catalogue, out);
  write_position(held.members, &v1::Held::mutable_members, out);
  if (held.lease_holder) out.set_lease_holder(wire::bytes_of(*held.lease_holder));
}

Result<Held> read_down(const v1::Held& wire) {
  Held held;
  if (!read_position(wire.has_catalogue(), wire.catalogue(), held.catalogue) ||
      !read_position(wire.has_members(), wire.members(), held.members)) {
    return malformed("held");
  }
  if (!wire.lease_holder().empty() &&
      !wire::read_fixed(wire.lease_holder(), held.lease_holder.emplace().bytes)) {
    return malformed("lease holder");
  }
  return held;
}

void write_down(const CatalogueDelta& delta, v1::CatalogueDelta& out) {
  out.set_from(delta.from);
  write_head(delta.head, *out.mutable_head());
  write_items(delta.items, out);
}

Result<Frame> read_down(const v1::CatalogueDelta& wire) {
  CatalogueDelta delta{.from = wire.from(), .head = {}, .items = {}};
  if (!wire::is_ordinal(wire.from()) || !read_head(wire.head(), delta.head) ||
      delta.head.version <= delta.from || !read_items(wire, delta.items)) {
    return malformed("catalogue delta");
  }
  return delta;
}

void write_down(const CatalogueSnapshot& snapshot, v1::CatalogueSnapshot& out) {
  write_head(snapshot.head, *out.mutable_head());
  write_items(snapshot.items, out);
}

Result<Frame> read_down(const v1::CatalogueSnapshot& wire) {
  CatalogueSnapshot snapshot;
  if (!read_head(wire.head(), snapshot.head) || !read_items(wire, snapshot.items))
    return malformed("catalogue snapshot");
  for (const CatalogueItem& item : snapshot.items) {
    if (!item.body) return malformed("catalogue snapshot's item");
  }
  return snapshot;
}

void write_down(const MemberDelta& delta, v1::MemberDelta& out) {
  out.set_incarnation(wire::bytes_of(delta.incarnation));
  out.set_from(delta.from);
  out.set_to(delta.to);
  out.mutable_applied()->set_epoch(delta.applied_epoch);
  out.mutable_applied()->set_through(delta.applied_through);
  for (const MemberSnapshot& member : delta.members) write_member(member, *out.add_member());
}

Result<Frame> read_down(const v1::MemberDelta& wire) {
  MemberDelta delta{.incarnation = {},
                    .from = wire.from(),
                    .to = wire.to(),
                    .applied_epoch = wire.applied().epoch(),
                    .applied_through = wire.applied().through(),
                    .members = {}};
  if (!wire::read_fixed(wire.incarnation(), delta.incarnation.bytes) || !wire::is_number(wire.to()) ||
      wire.from() > wire.to() || !wire::is_ordinal(delta.applied_epoch) ||
      !wire::is_number(delta.applied_through) ||
      static_cast<std::size_t>(wire.member_size()) > limits::sync_members_max) {
    return malformed("member delta");
  }
  for (const v1::MemberSnapshot& each : wire.member()) {
    if (!read_member(each, delta.members.emplace_back())) return malformed("member");
  }
  return delta;
}

void write_down(const EraseMember& erase, v1::EraseMember& out) {
  if (erase.sent_at) out.set_sent_at_ms(erase.sent_at->time_since_epoch().count());
  for (const Erasure& erasure : erase.erasures) {
    v1::Erasure& wire = *out.add_erasure();
    wire.set_id(wire::bytes_of(erasure.id));
    wire.set_member(wire::bytes_of(erasure.member));
    wire.set_token(erasure.token.str());
    wire.set_requested_at_ms(erasure.requested_at.time_since_epoch().count());
  }
}

Result<Frame> read_down(const v1::EraseMember& wire) {
  if (wire.erasure_size() == 0 || static_cast<std::size_t>(wire.erasure_size()) > limits::sync_erasures_max)
    return malformed("erase member");
  if (!wire::is_time(wire.sent_at_ms())) return malformed("erase member");
  EraseMember erase;
  if (wire.sent_at_ms() != 0) erase.sent_at = WallTime{Millis{wire.sent_at_ms()}};
  for (const v1::Erasure& each : wire.erasure()) {
    Erasure& erasure = erase.erasures.emplace_back();
    if (!wire::read_fixed(each.id(), erasure.id.bytes) || !wire::read_fixed(each.member(), erasure.member) ||
        !wire::is_name(each.token()) || !wire::is_time(each.requested_at_ms())) {
      return malformed("erasure");
    }
    erasure.token = CustomerId(each.token());
    erasure.requested_at = WallTime{Millis{each.requested_at_ms()}};
  }
  return erase;
}

void write_down(const Command& command, v1::Command& out) {
  out.set_id(wire::bytes_of(command.id));
  out.set_kind(static_cast<std::uint32_t>(command.kind));
  out.set_argument(command.argument);
}

Result<Frame> read_down(const v1::Command& wire) {
  Command command{.id = {}, .kind = static_cast<CommandKind>(wire.kind()), .argument = wire.argument()};
  if (!wire::read_fixed(wire.id(), command.id.bytes) || wire.argument().size() > limits::text_bytes_max ||
      wire.kind() < static_cast<std::uint32_t>(CommandKind::log_level) ||
      wire.kind() > static_cast<std::uint32_t>(CommandKind::key_let_in) ||
      (command.kind == CommandKind::key_let_in && !is_key(wire.argument()))) {
    return malformed("command");
  }
  return command;
}

void write_down(const CommandAnswer& answer, v1::CommandAnswer& out) {
  out.set_id(wire::bytes_of(answer.id));
  out.set_outcome(static_cast<std::uint32_t>(answer.outcome));
  out.set_detail(answer.detail);
}

Result<Frame> read_down(const v1::CommandAnswer& wire) {
  CommandAnswer answer{
      .id = {}, .outcome = static_cast<CommandOutcome>(wire.outcome()), .detail = wire.detail()};
  const bool has_key =
      answer.outcome == CommandOutcome::key_offered || answer.outcome == CommandOutcome::key_in_use;
  if (!wire::read_fixed(wire.id(), answer.id.bytes) || wire.detail().size() > limits::text_bytes_max ||
      wire.outcome() < static_cast<std::uint32_t>(CommandOutcome::done) ||
      wire.outcome() > static_cast<std::uint32_t>(CommandOutcome::key_in_use) ||
      (has_key && !is_key(wire.detail()))) {
    return malformed("command answer");
  }
  return answer;
}

}  // namespace perkline::sync
