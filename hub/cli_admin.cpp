#include <fstream>

#include <fmt/format.h>

#include "hub/commands.hpp"
#include "hub/identity/audit.hpp"
#include "hub/identity/password.hpp"
#include "hub/identity/password_hash.hpp"
#include "hub/identity/user.hpp"
#include "hub/tool_database.hpp"
#include "shared/core/random.hpp"

namespace perkline::hub {
namespace {

/// The file's content, less one trailing newline. Errors: validation_failed.
Result<std::string> read_password(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(identity::password_bytes_max + 2, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) return fail(Errc::validation_failed, path + " cannot be read");
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.ends_with('\n')) text.pop_back();
  auto checked = identity::check_password(text);
  if (!checked) return fail(Errc::validation_failed, "the password " + checked.error().detail);
  return text;
}

Result<identity::NewUser> make_admin(const std::string& email, const std::string& password_file,
                                     UuidMaker& ids, WallTime now) {
  if (!identity::email_key(email)) return fail(Errc::validation_failed, "--email: is no e-mail address");
  auto password = read_password(password_file);
  if (!password) return failure(password);
  auto hash = identity::hash_password(*password, identity::HashCost::interactive());
  if (!hash) return failure(hash);
  identity::NewUser admin{.user = {}, .password_hash = std::move(*hash)};
  admin.user.id = UserId(ids.next().str());
  admin.user.email = email;
  admin.user.role = identity::Role::admin;
  admin.user.created_at = now;
  return admin;
}

}  // namespace

int admin_create(const std::string& config_path, const std::string& email, const std::string& password_file) {
  const auto config = load_config(config_path);
  if (!config) return exit_usage;
  const SystemClock clock;
  SystemRng rng;
  UuidMaker ids(clock, rng);
  const auto admin = make_admin(email, password_file, ids, clock.wall_now());
  if (!admin) return report(admin.error());
  const identity::AuditEntry entry{.id = ids.next(),
                                   .at = admin->user.created_at,
                                   .actor = command_line_actor(),
                                   .action = "admin.created",
                                   .subject = "user:" + admin->user.id.str()};
  const auto database = open_tool_database(*config, IfMissing::make);
  if (!database) return report(database.error());
  const auto done = (*database)->write_now([&](db::Transaction& transaction) -> Result<void> {
    if (auto inserted = identity::insert_user(transaction, *admin); !inserted) return inserted;
    return identity::append_audit(transaction, entry);
  });
  if (!done) return report(done.error());
  fmt::print("{}\n", admin->user.id.str());
  return exit_ok;
}

}  // namespace perkline::hub
