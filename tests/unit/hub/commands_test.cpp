#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "hub/events/dead_letters.hpp"
#include "hub/events/offsets.hpp"
#include "hub/identity/audit_chain.hpp"
#include "hub/identity/es256_key.hpp"
#include "hub/ingest/dead_letters.hpp"
#include "hub/signing_key_file.hpp"
#include "hub/tool_database.hpp"
#include "shared/json/value.hpp"
#include "tests/unit/hub/commands_fixture.hpp"

namespace perkline::hub {
namespace {

class Commands : public CommandsTest {};

TEST_F(Commands, AdminCreateMakesAnAdminAndSaysSoInTheAudit) {
  const Said said = create_admin("Root@example.com", "a password of twelve\n");
  EXPECT_EQ(said.status, exit_ok) << said.err;
  const std::string id = said.out.substr(0, said.out.size() - 1);
  EXPECT_EQ(rows("SELECT id, email_key || ' ' || role FROM users"),
            std::vector<std::string>{id + " root@example.com admin"});
  EXPECT_EQ(rows("SELECT action, subject FROM audit"), std::vector<std::string>{"admin.created user:" + id});
  EXPECT_EQ(rows("SELECT role, password_hash FROM users").front().find("a password"), std::string::npos);
}

TEST_F(Commands, AdminCreateRefusesATakenAddressAndLeavesNoTrace) {
  EXPECT_EQ(create_admin("root@example.com", "a password of twelve").status, exit_ok);
  EXPECT_EQ(create_admin("ROOT@example.com", "a password of twelve").status, exit_failed);
  EXPECT_EQ(rows("SELECT action, subject FROM audit").size(), 1u);
}

TEST_F(Commands, AdminCreateHoldsThePasswordToItsRules) {
  for (const std::string& weak :
       {std::string("short"), std::string(129, 'x'), std::string("passwordpassword\n"),
        std::string("elevenchars\n"), std::string()}) {
    const Said said = create_admin("root@example.com", weak);
    EXPECT_EQ(said.status, exit_usage) << weak;
    EXPECT_EQ(said.out, "");
    EXPECT_NE(said.err, "");
  }
  EXPECT_EQ(create_admin("root@example.com", std::string(128, 'x') + '\n').status, exit_ok);
}

TEST_F(Commands, AdminCreateRefusesWhatIsNoAddressAndAFileThatIsNotThere) {
  EXPECT_EQ(create_admin("root", "a password of twelve").status, exit_usage);
  EXPECT_EQ(run([&] { return admin_create(config_, "root@example.com", folder_.file("none")); }).status,
            exit_usage);
}

TEST_F(Commands, MigrateMakesTheDatabaseAndVerifyAgreesWithIt) {
  EXPECT_EQ(run([&] { return verify(config_, true); }).status, exit_failed) << "there is no database yet";
  EXPECT_EQ(run([&] { return migrate(config_); }).status, exit_ok);
  EXPECT_EQ(run([&] { return migrate(config_); }).status, exit_ok);
  const Said said = run([&] { return verify(config_, true); });
  EXPECT_EQ(said.status, exit_ok);
  EXPECT_EQ(said.out, "{\"ok\":true,\"accounts\":0,\"entries\":0,\"mismatches\":[]}\n");
}

TEST_F(Commands, JobsAreListedAndRunByName) {
  EXPECT_EQ(run([&] { return jobs_run(config_, "rotate-keys", true); }).status, exit_failed) << "no database";
  EXPECT_EQ(run([&] { return migrate(config_); }).status, exit_ok);
  EXPECT_NE(run([&] { return jobs_list(false); }).out.find("rotate-keys"), std::string::npos);
  const auto list = json::parse(run([&] { return jobs_list(true); }).out);
  ASSERT_TRUE(list);
  EXPECT_FALSE(list->root().items().empty());
  const Said rotated = run([&] { return jobs_run(config_, "rotate-keys", true); });
  EXPECT_EQ(rotated.status, exit_ok) << rotated.err;
  EXPECT_EQ(rotated.out, "{\"job\":\"rotate-keys\",\"count\":1}\n");
  EXPECT_EQ(rows("SELECT action, subject FROM audit").size(), 1u);
  for (const char* job : {"forget-sessions", "purge-answers", "purge-events", "release-holds"}) {
    EXPECT_EQ(run([&] { return jobs_run(config_, job, false); }).status, exit_ok) << job;
  }
  EXPECT_EQ(run([&] { return jobs_run(config_, "no-such-job", false); }).status, exit_usage);
}

TEST_F(Commands, VerifyFindsWhatWasChangedInTheAudit) {
  EXPECT_EQ(create_admin("root@example.com", "a password of twelve").status, exit_ok);
  const auto in_database = [&](const auto& work) {
    const auto config = load_config(config_);
    const auto database = open_tool_database(config.value(), IfMissing::fail);
    ASSERT_TRUE(database.value()->write_now(work));
  };
  in_database([](db::Transaction& transaction) -> Result<void> {
    auto chained = identity::chain_audit(transaction);
    if (!chained) return failure(chained);
    return {};
  });
  EXPECT_EQ(run([&] { return verify(config_, true); }).status, exit_ok);
  in_database([](db::Transaction& transaction) -> Result<void> {
    auto changed = transaction.execute("UPDATE audit SET actor = 'user:somebody'");
    if (!changed) return failure(changed);
    return {};
  });
  const Said said = run([&] { return verify(config_, true); });
  EXPECT_EQ(said.status, exit_failed);
  EXPECT_NE(said.out.find("\"ok\":false"), std::string::npos);
  EXPECT_NE(said.out.find("audit row 1 is not as it was written"), std::string::npos) << said.out;
}

TEST_F(Commands, DeadLettersAreListedShownAndDecidedWithTheirAudit) {
  EXPECT_EQ(run([&] { return dead_letters_list(config_, true); }).status, exit_failed) << "no database yet";
  EXPECT_EQ(run([&] { return store_add(config_, "s", key_); }).status, exit_ok);
  const auto config = load_config(config_);
  for (const std::uint64_t sequence : {1u, 2u}) {
    const auto database = open_tool_database(config.value(), IfMissing::fail);
    ASSERT_TRUE(database.value()->write_now([&](db::Transaction& transaction) {
      return ingest::bury(
          transaction,
          {.place = {StoreId("s"), 1, sequence}, .type = "Unreadable", .reason = "no event", .bytes = "\n"},
          WallTime{Millis{1'772'323'200'000}});
    }));
  }
  EXPECT_NE(run([&] { return dead_letters_list(config_, false); }).out.find("s:1:2"), std::string::npos);
  const auto list = json::parse(run([&] { return dead_letters_list(config_, true); }).out);
  ASSERT_EQ(list->root().items().size(), 2u);
  const auto one = json::parse(run([&] { return dead_letters_show(config_, "s:1:1", true); }).out);
  EXPECT_EQ(one->root().find("event")->text(), "0a");
  EXPECT_NE(run([&] { return dead_letters_show(config_, "s:1:1", false); }).out.find("no event"),
            std::string::npos);

  const Said retried = run([&] { return dead_letters_retry(config_, "s:1:1"); });
  EXPECT_EQ(retried.status, exit_failed);
  EXPECT_NE(retried.err.find("s:1:1 still cannot be applied"), std::string::npos) << retried.err;
  EXPECT_EQ(run([&] { return dead_letters_discard(config_, "s:1:1", ""); }).status, exit_usage);
  EXPECT_EQ(run([&] { return dead_letters_discard(config_, "s:1:1", "noise"); }).status, exit_ok);
  EXPECT_EQ(run([&] { return dead_letters_discard(config_, "s:1:1", "noise"); }).status, exit_failed);
  EXPECT_EQ(run([&] { return dead_letters_retry(config_, "s:1:9"); }).status, exit_failed);
  EXPECT_EQ(
      rows("SELECT action, detail FROM audit WHERE subject = 'dead-letter:s:1:1' ORDER BY id"),
      (std::vector<std::string>{R"(dead_letter.retried {"state":"open","reason":"event: not an event"})",
                                R"(dead_letter.discarded {"state":"discarded","reason":"noise"})"}));
  EXPECT_EQ(json::parse(run([&] { return dead_letters_list(config_, true); }).out)->root().items().size(),
            1u);
}

TEST_F(Commands, DeadLettersOfDomainEventsAreInTheSameList) {
  EXPECT_EQ(run([&] { return store_add(config_, "s", key_); }).status, exit_ok);
  const auto database = open_tool_database(load_config(config_).value(), IfMissing::fail);
  ASSERT_TRUE(database.value()->write_now([&](db::Transaction& t) -> Result<void> {
    if (auto known = events::enroll(t, "mail", events::Beginning::at_end, WallTime{}); !known) return known;
    const auto id = parse_uuid("0190163d-8694-739b-aea5-966c26f8ad91");
    auto appended = events::append(t, {.id = *id,
                                       .type = "TIER_CHANGED",
                                       .occurred_at = WallTime{},
                                       .traceparent = "",
                                       .data = R"({"tier":"Gold"})"});
    if (!appended) return appended;
    if (auto numbered = events::number_events(t, 1, WallTime{}); !numbered) return failure(numbered);
    auto event = events::event_at(t, 1);
    if (!event) return failure(event);
    auto aside =
        events::set_aside(t, "mail", **event, {.code = Errc::internal, .detail = "no template"}, WallTime{});
    if (!aside) return aside;
    auto buried = t.execute("UPDATE event_dead_letter SET state = 'open', retry_at = NULL");
    if (!buried) return failure(buried);
    return {};
  }));
  EXPECT_NE(run([&] { return dead_letters_list(config_, false); }).out.find("event.mail.1"),
            std::string::npos);
  const Said shown = run([&] { return dead_letters_show(config_, "event.mail.1", false); });
  for (const char* part : {"no template", "Gold", "TIER_CHANGED", "mail"})
    EXPECT_NE(shown.out.find(part), std::string::npos) << shown.out;
  const auto one = json::parse(run([&] { return dead_letters_show(config_, "event.mail.1", true); }).out);
  EXPECT_EQ(one->root().find("source")->text(), "event");
  EXPECT_EQ(one->root().find("event")->text(), R"({"tier":"Gold"})");
  const Said retried = run([&] { return dead_letters_retry(config_, "event.mail.1"); });
  EXPECT_EQ(retried.status, exit_ok);
  EXPECT_NE(retried.out.find("tried again"), std::string::npos) << retried.out;
  EXPECT_EQ(run([&] { return dead_letters_retry(config_, "event.mail.1"); }).status, exit_failed);
  EXPECT_EQ(run([&] { return dead_letters_discard(config_, "event.mail.1", "old"); }).status, exit_ok);
}

TEST_F(Commands, NewerDataIsExit78) {
  EXPECT_EQ(run([&] { return migrate(config_); }).status, exit_ok);
  const auto config = load_config(config_);
  const auto database = open_tool_database(config.value(), IfMissing::fail);
  ASSERT_TRUE(database.value()->write_now([](db::Transaction& transaction) -> Result<void> {
    auto done = transaction.execute(
        "INSERT INTO schema_migration (number, name, checksum, applied_at) VALUES (9999, '9999_later', 'x', "
        "0)");
    if (!done) return failure(done);
    return {};
  }));
  EXPECT_EQ(run([&] { return migrate(config_); }).status, exit_newer_data);
  EXPECT_EQ(run([&] { return verify(config_, false); }).status, exit_newer_data);
}

TEST_F(Commands, CheckConfigNamesTheFaultsThatNoLineShowsBesideTheOthers) {
  EXPECT_EQ(run([&] { return check_config(config_); }).status, exit_ok);
  const std::string pem = write("jwt.pem", "no key");
  configure("jwt: { key_file: '" + pem + "' }\ncolour: blue\n");
  const Said said = run([&] { return check_config(config_); });
  EXPECT_EQ(said.status, exit_usage);
  EXPECT_EQ(std::ranges::count(said.err, '\n'), 2) << said.err;
  for (const char* key : {"jwt.key_file", "colour"})
    EXPECT_NE(said.err.find(key), std::string::npos) << said.err;
  const Said served = run([&] { return serve(config_); });
  EXPECT_EQ(served.status, exit_usage);
  for (const char* key : {"sync.secret_key", "jwt.key_file", "colour"})
    EXPECT_NE(served.err.find(key), std::string::npos) << served.err;
}

TEST_F(Commands, CheckConfigTakesAFileWhoseKeyHasYetToBeMadeAndSaysThatServingDoesNot) {
  configure("");
  const Said checked = run([&] { return check_config(config_); });
  EXPECT_EQ(checked.status, exit_ok);
  EXPECT_EQ(checked.err, "note: sync.secret_key is required to serve; perkline-hub keygen makes one\n");
  EXPECT_EQ(run([&] { return serve(config_); }).status, exit_usage);
}

TEST_F(Commands, CheckConfigTellsOneFaultOfAKeyOnce) {
  configure("sync: { secret_key: short }\n");
  EXPECT_EQ(std::ranges::count(run([&] { return check_config(config_); }).err, '\n'), 1);
  configure("sync: 7\n");
  EXPECT_EQ(std::ranges::count(run([&] { return check_config(config_); }).err, '\n'), 1);
}

TEST_F(Commands, CheckConfigTakesASigningKeyOfTheRightKind) {
  const std::string pem = write("jwt.pem", identity::Es256Key::generate().private_pem());
  configure("sync: { secret_key: '" + std::string(64, 'a') + "' }\njwt: { key_file: '" + pem + "' }\n");
  const Said said = run([&] { return check_config(config_); });
  EXPECT_EQ(said.status, exit_ok) << said.err;
}

TEST_F(Commands, TakeSeveralSigningKeysOutOfOneFileTheFirstToSign) {
  const auto fresh = identity::Es256Key::generate();
  const auto old_key = identity::Es256Key::generate();
  const auto keys =
      read_signing_keys(write("jwt.pem", "# 2026\n" + fresh.private_pem() + old_key.private_pem()));
  ASSERT_TRUE(keys);
  ASSERT_EQ(keys->size(), 2u);
  EXPECT_EQ(identity::signing_key_at(*keys, WallTime{days{20'000}}).key.id(), fresh.id());
  EXPECT_EQ(identity::verifying_keys_at(*keys, WallTime{days{20'000}}, hours{1}).size(), 2u);
  EXPECT_FALSE(read_signing_keys(write("bad.pem", fresh.private_pem() + "-----BEGIN PRIVATE KEY-----\nx\n")));
}

TEST_F(Commands, KeygenWritesAPrivateFileAndPrintsThePublicKeyAlone) {
  const std::string path = folder_.file("hub.key");
  const Said said = run([&] { return keygen(path); });
  EXPECT_EQ(said.status, exit_ok);
  EXPECT_EQ(said.out.size(), 65u);
  EXPECT_EQ(said.out.find_first_not_of("0123456789abcdef\n"), std::string::npos);
  EXPECT_EQ(std::filesystem::file_size(path), 65u);
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(run([&] { return keygen(folder_.file("no/such/folder/key")); }).status, exit_failed);
}

TEST_F(Commands, KeygenTakesNoKeyAwayThatIsThere) {
  const std::string path = folder_.file("hub.key");
  write("hub.key", "the one in use");
  const Said said = run([&] { return keygen(path); });
  EXPECT_EQ(said.status, exit_failed);
  EXPECT_NE(said.err.find("hub.key"), std::string::npos) << said.err;
  EXPECT_EQ(std::filesystem::file_size(path), std::string_view("the one in use").size());
  std::filesystem::remove(path);
  EXPECT_EQ(run([&] { return keygen(path); }).status, exit_ok) << "nothing is left over";
  for (const auto& file : std::filesystem::directory_iterator(folder_.path()))
    EXPECT_EQ(file.path().filename().string().find(".new"), std::string::npos) << file.path();
}

TEST_F(Commands, ADatabaseThatIsAwayIsToldAndNothingElseIsPrinted) {
  write("hub.yaml", "database: { url: 'postgresql://user:secret@127.0.0.1:1/perkline' }\n");
  const Said said = run([&] { return store_list(config_, true); });
  EXPECT_EQ(said.status, exit_failed);
  EXPECT_EQ(said.out, "");
  EXPECT_NE(said.err.find("cannot be reached"), std::string::npos) << said.err;
  EXPECT_EQ(said.err.find("secret"), std::string::npos) << said.err;
}

}  // namespace
}  // namespace perkline::hub
