#include "edge/downlink/downlink.hpp"

#include <algorithm>
#include <vector>

#include "shared/core/bytes.hpp"
#include "shared/ops/log.hpp"

namespace perkline::edge::downlink {
namespace {

using journal::Family;

constexpr std::string_view members_key = "down_members";
constexpr char format = 1;
constexpr std::size_t uuid_bytes = 16;

std::string encode(const sync::Position& position) {
  std::string record(1, format);
  record.append(reinterpret_cast<const char*>(position.incarnation.bytes.data()), uuid_bytes);
  append_u64(record, position.at);
  return record;
}

Result<sync::Position> decode_position(std::string_view record) {
  if (!record.empty() && record.front() > format)
    return fail(Errc::newer_format, "a place in a stream by a newer version");
  if (record.size() != 1 + uuid_bytes + sizeof(std::uint64_t) || record.front() != format)
    return fail(Errc::corrupt, "the place in the members' stream does not decode");
  record.remove_prefix(1);
  sync::Position position;
  std::ranges::copy(record.substr(0, uuid_bytes), position.incarnation.bytes.begin());
  position.at = read_u64(record.substr(uuid_bytes));
  return position;
}

}  // namespace

Result<std::unique_ptr<Downlink>> Downlink::open(Parts parts) {
  std::unique_ptr<Downlink> downlink(new Downlink(std::move(parts)));
  if (auto read = downlink->read(); !read) return failure(read);
  return downlink;
}

Result<void> Downlink::read() {
  auto catalogue = HeldCatalogue::open(parts_.journal, parts_.store, parts_.clock);
  if (!catalogue) return failure(catalogue);
  catalogue_ = std::move(*catalogue);
  const auto record = parts_.journal.get(Family::meta, members_key);
  if (!record) return std::unexpected(record.error());
  if (!*record) return {};
  auto position = decode_position(**record);
  if (!position) return failure(position);
  members_ = *position;
  return {};
}

sync::Held Downlink::held() const {
  return {.catalogue = catalogue_->position(), .members = members_};
}

Task<void> Downlink::hear(sync::Frame frame) {
  if (auto* welcome = std::get_if<sync::Welcome>(&frame)) {
    co_await on(std::move(*welcome));
  } else if (auto* delta = std::get_if<sync::CatalogueDelta>(&frame)) {
    co_await on_catalogue(std::move(*delta));
  } else if (auto* snapshot = std::get_if<sync::CatalogueSnapshot>(&frame)) {
    co_await on_catalogue(std::move(*snapshot));
  } else if (auto* members = std::get_if<sync::MemberDelta>(&frame)) {
    co_await on(std::move(*members));
  } else if (const auto* erase = std::get_if<sync::EraseMember>(&frame)) {
    if (parts_.on_erase) parts_.on_erase(*erase);
  } else if (const auto* command = std::get_if<sync::Command>(&frame)) {
    if (parts_.on_command) parts_.on_command(*command);
  }
}

Task<void> Downlink::on(sync::Welcome welcome) {
  hub_ = welcome.hub_incarnation;
  if (welcome.signing_key) co_await catalogue_->trust(*welcome.signing_key);
}

template <class Frame>
Task<void> Downlink::on_catalogue(Frame frame) {
  // What comes before a Welcome is of a connection that is over: it comes again.
  if (!hub_) co_return;
  const std::uint64_t version = frame.head.version;
  const Taken taken = co_await catalogue_->take(std::move(frame), *hub_);
  // One that is refused is not asked for again at once: the next is not better.
  if (taken == Taken::refused) co_return;
  if (taken == Taken::applied) {
    ops::log(ops::Level::info, "downlink", "a catalogue is taken in",
             {{"version", static_cast<std::int64_t>(version)},
              {"items", static_cast<std::int64_t>(catalogue_->items().size())}});
    if (parts_.on_catalogue) parts_.on_catalogue(catalogue_->items());
  }
  tell();
}

Task<void> Downlink::on(sync::MemberDelta delta) {
  if (hub_ != delta.incarnation) co_return;
  const bool follows = members_ && members_->incarnation == delta.incarnation && members_->at == delta.from;
  if (follows || delta.from == 0) {
    const auto done = co_await take_in(std::move(delta));
    if (done) faults_.over();
    if (!done && !faults_.is_news(done.error().detail, parts_.clock.mono_now())) co_return;
    if (!done) {
      ops::log(ops::Level::error, "downlink", "members that the hub told of could not be taken in",
               {{"error", perkline::name_of(done.error().code)}, {"detail", done.error().detail}});
      co_return;
    }
  }
  tell();
}

Task<Result<void>> Downlink::take_in(sync::MemberDelta delta) {
  const bool all_applied =
      delta.applied_epoch == parts_.outbox.epoch() && delta.applied_through >= parts_.outbox.tail();
  journal::Batch batch;
  std::vector<standin::Members::Writing> writing;
  for (const sync::MemberSnapshot& member : delta.members) {
    auto merged = parts_.members.merge(batch, member, all_applied, standin::Members::Source::kept_up);
    if (!merged) co_return failure(merged);
    if (*merged) writing.push_back(std::move(*merged));
  }
  const sync::Position position{.incarnation = delta.incarnation, .at = delta.to};
  batch.put(Family::meta, std::string(members_key), encode(position));
  co_await parts_.journal.commit(std::move(batch));
  members_ = position;
  co_return Result<void>{};
}

}  // namespace perkline::edge::downlink
