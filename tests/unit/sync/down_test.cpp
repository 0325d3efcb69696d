#include <functional>
#include <sync.pb.h>

#include <gtest/gtest.h>

#include "shared/core/down_limits.hpp"
#include "shared/core/random.hpp"
#include "shared/sync/catalogue.hpp"
#include "tests/unit/sync/samples.hpp"

namespace perkline::sync {
namespace {

std::string changed(const Frame& frame, const std::function<void(v1::Frame&)>& change) {
  v1::Frame wire;
  EXPECT_TRUE(wire.ParseFromString(encode(frame)));
  change(wire);
  return wire.SerializeAsString();
}

void expect_malformed(const std::string& bytes) {
  const auto frame = decode_frame(bytes);
  ASSERT_FALSE(frame);
  EXPECT_EQ(frame.error().code, Errc::malformed_answer);
}

constexpr std::uint64_t too_large = 1ULL << 63;

TEST(Held, ToldByNobodyIsNotHoldingNothing) {
  Status status = samples::status();
  EXPECT_EQ(std::get<Status>(*decode_frame(encode(Frame(status)))).held, std::nullopt);
  status.held = Held{};
  EXPECT_EQ(std::get<Status>(*decode_frame(encode(Frame(status)))).held, Held{});
}

TEST(Held, IsToldWithTheEpochItIsOf) {
  Status status = samples::holding_leases();
  EXPECT_EQ(std::get<Status>(*decode_frame(encode(Frame(status)))).epoch, 0u) << "an older store's";
  status.epoch = 3;
  EXPECT_EQ(std::get<Status>(*decode_frame(encode(Frame(status)))), status);
  expect_malformed(changed(status, [](v1::Frame& wire) { wire.mutable_status()->set_epoch(too_large); }));
}

TEST(Held, PlacesAreWholeOrMalformed) {
  const auto with = [](const std::function<void(v1::Held&)>& change) {
    return changed(samples::holding(),
                   [&](v1::Frame& wire) { change(*wire.mutable_status()->mutable_held()); });
  };
  expect_malformed(with([](v1::Held& held) { held.mutable_catalogue()->set_incarnation("short"); }));
  expect_malformed(with([](v1::Held& held) { held.mutable_members()->set_at(too_large); }));
  expect_malformed(changed(samples::welcome_with_key(),
                           [](v1::Frame& wire) { wire.mutable_welcome()->set_signing_key("short"); }));
}

TEST(Held, ALeaseHolderIsWholeOrNotTold) {
  expect_malformed(changed(samples::holding_leases(), [](v1::Frame& wire) {
    wire.mutable_status()->mutable_held()->set_lease_holder("short");
  }));
  const auto frame = decode_frame(encode(Frame(samples::holding())));
  EXPECT_EQ(std::get<Status>(*frame).held->lease_holder, std::nullopt);
}

TEST(SpinFrames, KeepToTheirRules) {
  expect_malformed(changed(samples::spin_reserve(),
                           [](v1::Frame& wire) { wire.mutable_spin_reserve()->set_spin("short"); }));
  expect_malformed(changed(samples::spin_reserve(),
                           [](v1::Frame& wire) { wire.mutable_spin_reserve()->clear_customer(); }));
  expect_malformed(
      changed(samples::spin_reserved(), [](v1::Frame& wire) { wire.mutable_spin_reserved()->clear_spin(); }));
  expect_malformed(changed(samples::spin_reserved(), [](v1::Frame& wire) {
    wire.mutable_spin_reserved()->mutable_prize()->SwapElements(0, 1);
  }));
  expect_malformed(changed(samples::spin_reserved(),
                           [](v1::Frame& wire) { wire.mutable_spin_reserved()->set_prize(0, ""); }));
  SpinReserved many{.spin = samples::uuid()};
  for (std::size_t i = 0; i < limits::sync_prizes_max; ++i) many.prizes.push_back(std::to_string(10'000 + i));
  EXPECT_EQ(decode_frame(encode(Frame(many))).value(), Frame(many));
  many.prizes.emplace_back("99999");
  expect_malformed(encode(Frame(many)));
}

TEST(ClaimFrames, KeepToTheirRules) {
  const auto request = [](const std::function<void(v1::ClaimRequest&)>& change) {
    return changed(samples::claim_request(), [&](v1::Frame& wire) { change(*wire.mutable_claim_request()); });
  };
  expect_malformed(request([](v1::ClaimRequest& wire) { wire.set_claim("short"); }));
  expect_malformed(request([](v1::ClaimRequest& wire) { wire.clear_customer(); }));
  expect_malformed(request([](v1::ClaimRequest& wire) { wire.set_promotion("short"); }));
  expect_malformed(request([](v1::ClaimRequest& wire) { wire.set_transaction(std::string(65, 'x')); }));
  expect_malformed(request([](v1::ClaimRequest& wire) { wire.set_claimed_at_ms(-1); }));
  const auto answer = [](const std::function<void(v1::ClaimAnswer&)>& change) {
    return changed(samples::claim_answer(), [&](v1::Frame& wire) { change(*wire.mutable_claim_answer()); });
  };
  expect_malformed(answer([](v1::ClaimAnswer& wire) { wire.set_claim("short"); }));
  expect_malformed(answer([](v1::ClaimAnswer& wire) { wire.set_outcome(0); }));
  expect_malformed(answer([](v1::ClaimAnswer& wire) { wire.set_outcome(6); }));
  expect_malformed(answer([](v1::ClaimAnswer& wire) { wire.clear_user(); }));
  expect_malformed(answer([](v1::ClaimAnswer& wire) { wire.set_currency("ABC"); }));
  expect_malformed(answer([](v1::ClaimAnswer& wire) { wire.set_amount_minor(0); }));
  expect_malformed(answer([](v1::ClaimAnswer& wire) { wire.set_available_minor(-1); }));
  expect_malformed(answer([](v1::ClaimAnswer& wire) { wire.set_held_minor(-1); }));
  expect_malformed(answer([](v1::ClaimAnswer& wire) { wire.set_claimed_at_ms(-1); }));
  expect_malformed(answer([](v1::ClaimAnswer& wire) { wire.set_created_at_ms(-1); }));
  expect_malformed(answer([](v1::ClaimAnswer& wire) { wire.set_wallet_transaction("short"); }));
  expect_malformed(answer([](v1::ClaimAnswer& wire) { wire.set_description(std::string(513, 'x')); }));
}

TEST(MemberFrames, KeepToTheirRules) {
  const auto request = [](const std::function<void(v1::MemberRequest&)>& change) {
    return changed(samples::member_request(),
                   [&](v1::Frame& wire) { change(*wire.mutable_member_request()); });
  };
  expect_malformed(request([](v1::MemberRequest& wire) { wire.set_id("short"); }));
  expect_malformed(request([](v1::MemberRequest& wire) { wire.clear_customer(); }));
  const auto answer = [](const std::function<void(v1::MemberAnswer&)>& change) {
    return changed(samples::member_answer(), [&](v1::Frame& wire) { change(*wire.mutable_member_answer()); });
  };
  expect_malformed(answer([](v1::MemberAnswer& wire) { wire.set_id("short"); }));
  expect_malformed(answer([](v1::MemberAnswer& wire) { wire.clear_applied(); }));
  expect_malformed(answer([](v1::MemberAnswer& wire) { wire.mutable_member()->set_member("short"); }));
  expect_malformed(answer([](v1::MemberAnswer& wire) { wire.mutable_member()->set_promotion(0, "short"); }));
}

TEST(AskFrames, AreKnownByTheirFirstBytes) {
  EXPECT_TRUE(is_ask(encode(Frame(samples::spin_reserve()))));
  EXPECT_TRUE(is_ask(encode(Frame(samples::claim_request()))));
  EXPECT_TRUE(is_ask(encode(Frame(samples::member_request()))));
  const std::vector<Frame> others{
      samples::hello(),         samples::welcome(),      samples::batch(),        samples::ack(),
      samples::nack(),          samples::fork(),         samples::status(),       samples::sale_query(),
      samples::sale_answer(),   samples::history_lost(), samples::command(),      samples::command_answer(),
      samples::spin_reserved(), samples::claim_answer(), samples::member_answer()};
  for (const Frame& other : others) EXPECT_FALSE(is_ask(encode(other))) << other.index();
  EXPECT_FALSE(is_ask(""));
}

// What is told of a claim that was not: nothing but why.
TEST(ClaimFrames, ARefusalHasNoCredit) {
  const auto frame = decode_frame(
      changed(samples::claim_answer(), [](v1::Frame& wire) { wire.mutable_claim_answer()->set_outcome(2); }));
  ASSERT_TRUE(frame);
  EXPECT_EQ(std::get<ClaimAnswer>(*frame).credit, std::nullopt);
}

TEST(CatalogueFrame, HeadsAreWholeOrMalformed) {
  const auto with = [](const std::function<void(v1::CatalogueHead&)>& change) {
    return changed(samples::catalogue_snapshot(),
                   [&](v1::Frame& wire) { change(*wire.mutable_catalogue_snapshot()->mutable_head()); });
  };
  expect_malformed(with([](v1::CatalogueHead& head) { head.set_version(0); }));
  expect_malformed(with([](v1::CatalogueHead& head) { head.set_version(too_large); }));
  expect_malformed(with([](v1::CatalogueHead& head) { head.clear_incarnation(); }));
  expect_malformed(with([](v1::CatalogueHead& head) { head.set_digest("short"); }));
  expect_malformed(with([](v1::CatalogueHead& head) { head.mutable_signature()->push_back('x'); }));
}

TEST(CatalogueFrame, ItemsRiseAndAreThereOnce) {
  const auto twice = [](v1::Frame& wire) {
    auto& delta = *wire.mutable_catalogue_delta();
    *delta.add_item() = delta.item(2);
  };
  expect_malformed(changed(samples::catalogue_delta(), twice));
  expect_malformed(changed(samples::catalogue_delta(), [](v1::Frame& wire) {
    wire.mutable_catalogue_delta()->mutable_item()->SwapElements(0, 1);
  }));
  expect_malformed(changed(samples::catalogue_delta(), [](v1::Frame& wire) {
    wire.mutable_catalogue_delta()->mutable_item(0)->set_kind(0);
  }));
  expect_malformed(changed(samples::catalogue_delta(), [](v1::Frame& wire) {
    wire.mutable_catalogue_delta()->mutable_item(2)->set_id(std::string(65, 'x'));
  }));
}

TEST(CatalogueFrame, ADeltaLeadsOnAndASnapshotHoldsNothingGone) {
  expect_malformed(changed(samples::catalogue_delta(),
                           [](v1::Frame& wire) { wire.mutable_catalogue_delta()->set_from(8); }));
  expect_malformed(changed(samples::catalogue_delta(),
                           [](v1::Frame& wire) { wire.mutable_catalogue_delta()->set_from(0); }));
  expect_malformed(changed(samples::catalogue_snapshot(), [](v1::Frame& wire) {
    wire.mutable_catalogue_snapshot()->mutable_item(0)->clear_body();
  }));
}

TEST(CatalogueFrame, OfFullSizeIsReadBackAndNoMore) {
  CatalogueSnapshot full{.head = samples::head(), .items = {}};
  const std::size_t each = limits::catalogue_body_bytes_max;
  for (std::size_t i = 0; i < limits::catalogue_bytes_max / each; ++i)
    full.items.push_back({.name = {5, ""}, .body = std::string(each, 'x')});
  for (std::size_t i = 0; i < full.items.size(); ++i)
    full.items[i].name.kind = static_cast<std::uint32_t>(i + 1);
  EXPECT_EQ(decode_frame(encode(Frame(full))).value(), Frame(full));
  full.items.push_back({.name = {1000, "x"}, .body = ""});
  expect_malformed(encode(Frame(full)));
  full.items.pop_back();
  full.items.front().body->push_back('x');
  expect_malformed(encode(Frame(full)));
  CatalogueSnapshot many{.head = samples::head(), .items = {}};
  for (std::uint32_t i = 0; i <= limits::catalogue_items_max; ++i)
    many.items.push_back({.name = {i + 1, ""}, .body = ""});
  expect_malformed(encode(Frame(many)));
}

TEST(MemberFrame, FieldsKeepToTheirRange) {
  const auto with = [](const std::function<void(v1::MemberDelta&)>& change) {
    return changed(samples::member_delta(), [&](v1::Frame& wire) { change(*wire.mutable_member_delta()); });
  };
  expect_malformed(with([](v1::MemberDelta& delta) { delta.set_from(13); }));
  expect_malformed(with([](v1::MemberDelta& delta) { delta.set_to(too_large); }));
  expect_malformed(with([](v1::MemberDelta& delta) { delta.clear_incarnation(); }));
  expect_malformed(with([](v1::MemberDelta& delta) { delta.clear_applied(); }));
  expect_malformed(with([](v1::MemberDelta& delta) { delta.mutable_member(0)->set_member("short"); }));
  expect_malformed(with([](v1::MemberDelta& delta) { delta.mutable_member(0)->set_points(-1); }));
  expect_malformed(
      with([](v1::MemberDelta& delta) { delta.mutable_member(0)->set_points(points_max.count + 1); }));
  expect_malformed(
      with([](v1::MemberDelta& delta) { delta.mutable_member(0)->set_owed(-points_max.count - 1); }));
  expect_malformed(with([](v1::MemberDelta& delta) { delta.mutable_member(0)->set_as_of_ms(-1); }));
  expect_malformed(
      with([](v1::MemberDelta& delta) { delta.mutable_member(0)->set_name(std::string(257, 'x')); }));
  expect_malformed(
      with([](v1::MemberDelta& delta) { delta.mutable_member(0)->set_tier(std::string(65, 'x')); }));
  MemberDelta many = samples::member_delta();
  many.members.resize(limits::sync_members_max + 1, many.members.front());
  expect_malformed(encode(Frame(many)));
}

TEST(MemberFrame, PromotionsAreWholeRiseAndAreBounded) {
  const auto with = [](const std::function<void(v1::MemberSnapshot&)>& change) {
    return changed(samples::member_delta_promotions(),
                   [&](v1::Frame& wire) { change(*wire.mutable_member_delta()->mutable_member(1)); });
  };
  expect_malformed(with([](v1::MemberSnapshot& member) { member.set_promotion(0, "short"); }));
  expect_malformed(with([](v1::MemberSnapshot& member) { member.mutable_promotion()->SwapElements(0, 1); }));
  expect_malformed(with([](v1::MemberSnapshot& member) { member.add_promotion(member.promotion(1)); }));
  MemberDelta many = samples::member_delta();
  for (std::size_t i = 0; i < limits::sync_promotions_max; ++i)
    many.members[0].promotions.push_back({{static_cast<std::uint8_t>(i)}});
  EXPECT_EQ(decode_frame(encode(Frame(many))).value(), Frame(many));
  many.members[0].promotions.push_back({{0xff}});
  expect_malformed(encode(Frame(many)));
}

TEST(MemberFrame, FullOfWhatMayBeInItFitsAFrame) {
  MemberSnapshot member = samples::member_delta().members.front();
  member.name.assign(limits::text_bytes_max, 'x');
  member.tier.assign(limits::id_bytes_max, 'x');
  for (std::size_t i = 0; i < limits::sync_promotions_max; ++i)
    member.promotions.push_back({{static_cast<std::uint8_t>(i)}});
  MemberDelta full = samples::member_delta();
  full.members.assign(limits::sync_members_max, member);
  EXPECT_EQ(decode_frame(encode(Frame(full))).value(), Frame(full));
}

TEST(MemberFrame, FlagsOfLaterVersionsAreTheirs) {
  const auto frame = decode_frame(changed(samples::member_delta(), [](v1::Frame& wire) {
    wire.mutable_member_delta()->mutable_member(0)->set_flags(0xff);
    wire.mutable_member_delta()->mutable_member(1)->set_flags(0xfe);
  }));
  ASSERT_TRUE(frame);
  EXPECT_TRUE(std::get<MemberDelta>(*frame).members[0].blocked);
  EXPECT_FALSE(std::get<MemberDelta>(*frame).members[1].blocked);
}

TEST(EraseFrame, IsWholeOrMalformed) {
  const auto with = [](const std::function<void(v1::EraseMember&)>& change) {
    return changed(samples::erase_member(), [&](v1::Frame& wire) { change(*wire.mutable_erase_member()); });
  };
  expect_malformed(with([](v1::EraseMember& erase) { erase.clear_erasure(); }));
  expect_malformed(with([](v1::EraseMember& erase) { erase.mutable_erasure(0)->set_id("short"); }));
  expect_malformed(with([](v1::EraseMember& erase) { erase.mutable_erasure(0)->clear_member(); }));
  expect_malformed(with([](v1::EraseMember& erase) { erase.mutable_erasure(0)->clear_token(); }));
  expect_malformed(with([](v1::EraseMember& erase) { erase.mutable_erasure(0)->set_requested_at_ms(-1); }));
  expect_malformed(with([](v1::EraseMember& erase) { erase.set_sent_at_ms(-1); }));
  EraseMember many = samples::erase_member();
  many.sent_at = samples::time();
  EXPECT_EQ(std::get<EraseMember>(decode_frame(encode(many)).value()), many);
  many.erasures.resize(limits::sync_erasures_max + 1, many.erasures.front());
  expect_malformed(encode(Frame(many)));
}

TEST(CommandFrame, NamesAKeyWhereItMust) {
  Command let_in{.id = samples::uuid(), .kind = CommandKind::key_let_in, .argument = std::string(64, 'A')};
  expect_malformed(encode(Frame(let_in)));
  let_in.argument = std::string(64, 'a');
  EXPECT_EQ(decode_frame(encode(Frame(let_in))).value(), Frame(let_in));
  CommandAnswer offered = samples::command_answer();
  offered.detail.pop_back();
  expect_malformed(encode(Frame(offered)));
  expect_malformed(changed(samples::command(), [](v1::Frame& wire) { wire.mutable_command()->set_kind(4); }));
  expect_malformed(
      changed(samples::command(), [](v1::Frame& wire) { wire.mutable_command()->clear_kind(); }));
  expect_malformed(
      changed(samples::command(), [](v1::Frame& wire) { wire.mutable_command()->set_id("short"); }));
  expect_malformed(changed(samples::command_answer(),
                           [](v1::Frame& wire) { wire.mutable_command_answer()->set_outcome(0); }));
}

// Whatever is cut off, flipped or doubled in a frame: it is a frame of the rules, or malformed, and never a
// crash.
TEST(DownFrames, SurviveDamageOfEveryByte) {
  const std::vector<Frame> frames{samples::holding(),         samples::welcome_with_key(),
                                  samples::catalogue_delta(), samples::catalogue_snapshot(),
                                  samples::member_delta(),    samples::erase_member(),
                                  samples::command(),         samples::command_answer(),
                                  samples::holding_leases(),  samples::member_delta_promotions(),
                                  samples::spin_reserve(),    samples::spin_reserved(),
                                  samples::claim_request(),   samples::claim_answer(),
                                  samples::member_request(),  samples::member_answer()};
  std::size_t refused = 0;
  std::size_t read = 0;
  for (const Frame& frame : frames) {
    const std::string bytes = encode(frame);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
        const auto decoded = decode_frame(damaged);
        if (!decoded) {
          ASSERT_EQ(decoded.error().code, Errc::malformed_answer);
          ++refused;
          continue;
        }
        ++read;
        // What was let through keeps to the rules, so that it can be said again.
        ASSERT_EQ(decode_frame(encode(*decoded)).value(), *decoded);
      }
      (void)decode_frame(bytes.substr(0, at));
    }
  }
  EXPECT_GT(refused, 1000u);
  EXPECT_GT(read, 1000u);
}

// ---- what a catalogue is signed for

const std::string secret(64, '7');

SigningKey key_of(const std::string& hex) {
  auto key = SigningKey::of_secret(hex);
  EXPECT_TRUE(key);
  return std::move(*key);
}

TEST(Catalogue, IsSignedForItsStoreVersionAndContent) {
  const SigningKey key = key_of(secret);
  const Catalogue items{{name_of(ItemKind::reward_rules), "{}"}};
  const StoreId store("store-1");
  const CatalogueHead head = key.head_of(store, {samples::uuid(), 7}, digest_of(items));
  EXPECT_TRUE(is_signed(head, store, key.public_key()));
  EXPECT_FALSE(is_signed(head, StoreId("store-2"), key.public_key()));
  CatalogueHead newer = head;
  newer.version = 8;
  EXPECT_FALSE(is_signed(newer, store, key.public_key())) << "an older one never passes for a newer one";
  CatalogueHead other = head;
  other.digest[0] ^= 1;
  EXPECT_FALSE(is_signed(other, store, key.public_key()));
  CatalogueHead elsewhere = head;
  elsewhere.incarnation.bytes[0] ^= 1;
  EXPECT_FALSE(is_signed(elsewhere, store, key.public_key()));
  CatalogueHead forged = head;
  forged.signature[63] ^= 1;
  EXPECT_FALSE(is_signed(forged, store, key.public_key()));
  EXPECT_FALSE(is_signed(head, store, key_of(std::string(64, '8')).public_key()));
}

// RFC 8032 §7.1, test 1: a key's public half is the standard's.
TEST(Catalogue, KeysAreEd25519) {
  EXPECT_EQ(
      to_hex(Digest(key_of("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").public_key())),
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  EXPECT_FALSE(SigningKey::of_secret("short"));
  EXPECT_FALSE(SigningKey::of_secret(std::string(64, 'x')));
}

TEST(Catalogue, ItsDigestTellsItemsApart) {
  const Digest one = digest_of({{{1, "ab"}, "c"}});
  EXPECT_NE(one, digest_of({{{1, "a"}, "bc"}}));
  EXPECT_NE(one, digest_of({{{2, "ab"}, "c"}}));
  EXPECT_NE(one, digest_of({}));
  EXPECT_EQ(to_hex(digest_of({{{1, "ab"}, "c"}})), to_hex(one));
}

TEST(Catalogue, FitsAFrameOrNot) {
  EXPECT_TRUE(fits({{{1, ""}, std::string(limits::catalogue_body_bytes_max, 'x')}}));
  EXPECT_FALSE(fits({{{1, ""}, std::string(limits::catalogue_body_bytes_max + 1, 'x')}}));
  EXPECT_FALSE(fits({{{1, std::string(65, 'x')}, ""}}));
}

}  // namespace
}  // namespace perkline::sync
