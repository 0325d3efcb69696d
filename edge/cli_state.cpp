#include <filesystem>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <httplib.h>

#include "edge/commands.hpp"
#include "edge/control.hpp"
#include "edge/journal/journal_rocks.hpp"
#include "edge/session/session_store.hpp"
#include "shared/json/value.hpp"

namespace perkline::edge {
namespace {

/// What the running daemon says to GET `path`. Errors: connection_failed (none runs), not_found, io_failed.
Result<std::string> ask_daemon(const EdgeConfig& config, const std::string& path) {
  httplib::Client client(control_socket(config.data_dir));
  client.set_address_family(AF_UNIX);
  client.set_connection_timeout(2);
  client.set_read_timeout(5);
  const auto answer = client.Get(path, {{"Host", "localhost"}});
  if (!answer) {
    const bool none = answer.error() == httplib::Error::Connection;
    return fail(none ? Errc::connection_failed : Errc::io_failed,
                "the daemon does not answer on its control socket");
  }
  if (answer->status == 404) return fail(Errc::not_found, "no such session");
  if (answer->status != 200)
    return fail(Errc::io_failed, "the daemon answers " + std::to_string(answer->status));
  return answer->body;
}

/// The data of a daemon that does not run, opened for as long as this lives.
struct ClosedShop {
  net::Reactor reactor;  ///< Never run: nothing is committed.
  std::unique_ptr<journal::JournalRocks> journal;
  std::unique_ptr<journal::Outbox> outbox;
};

/// RocksDB writes even when it is only read; what root would write the daemon could not open again.
Result<void> become_owner_of(const std::string& folder) {
  struct ::stat info{};
  if (::geteuid() != 0) return {};
  if (::stat(folder.c_str(), &info) == 0 && ::setgid(info.st_gid) == 0 && ::setuid(info.st_uid) == 0)
    return {};
  return fail(Errc::io_failed, folder + ": cannot act as its owner");
}

Result<std::unique_ptr<ClosedShop>> open_data(const EdgeConfig& config) {
  if (!std::filesystem::exists(config.data_dir)) {
    return fail(Errc::io_failed, config.data_dir + ": no daemon runs and there is no data");
  }
  if (auto owner = become_owner_of(config.data_dir); !owner) return failure(owner);
  auto shop = std::make_unique<ClosedShop>();
  auto journal = journal::JournalRocks::open(shop->reactor, {.folder = config.data_dir});
  if (!journal) return failure(journal);
  shop->journal = std::move(*journal);
  auto outbox = journal::Outbox::open(*shop->journal, StoreId(config.store_id));
  if (!outbox) return failure(outbox);
  shop->outbox = std::move(*outbox);
  return shop;
}

Result<std::string> status_of_data(const EdgeConfig& config) {
  auto shop = open_data(config);
  if (!shop) return failure(shop);
  session::SessionStore store(*(*shop)->journal, *(*shop)->outbox);
  if (auto counted = store.count(); !counted) return failure(counted);
  return render(StatusReport{.store = StoreId(config.store_id),
                             .epoch = (*shop)->outbox->epoch(),
                             .tail = (*shop)->outbox->tail(),
                             .acked = (*shop)->outbox->acked(),
                             .queue_depth = store.waiting_count()});
}

Result<std::string> session_of_data(const EdgeConfig& config, const std::string& id) {
  auto shop = open_data(config);
  if (!shop) return failure(shop);
  return session_details(session::SessionStore(*(*shop)->journal, *(*shop)->outbox), id);
}

std::string text_of(const json::Value& value) {
  switch (value.kind()) {
    case json::Value::Kind::null:
      return "-";
    case json::Value::Kind::boolean:
      return value.boolean() ? "yes" : "no";
    case json::Value::Kind::number:
    case json::Value::Kind::string:
      return std::string(value.text());
    case json::Value::Kind::array:
    case json::Value::Kind::object:
      break;
  }
  return {};
}

/// `key: value` lines; what is nested is named by its path.
void print_lines(const json::Value& value, const std::string& path) {
  for (const json::Member& member : value.members()) {
    print_lines(member.value,
                path.empty() ? std::string(member.name) : path + '.' + std::string(member.name));
  }
  for (std::size_t i = 0; i < value.items().size(); ++i) {
    print_lines(value.items()[i], path + '[' + std::to_string(i) + ']');
  }
  const bool nested = value.is(json::Value::Kind::object) || value.is(json::Value::Kind::array);
  if (!nested) fmt::print("{}: {}\n", path, text_of(value));
}

int show(const Result<std::string>& answer, bool as_json) {
  if (!answer) return report(answer.error());
  if (as_json) {
    fmt::print("{}\n", *answer);
    return exit_ok;
  }
  auto document = json::parse(*answer);
  if (!document) return report(document.error());
  print_lines(document->root(), "");
  return exit_ok;
}

}  // namespace

int status(const std::string& config_path, bool json) {
  auto config = load_config(config_path);
  if (!config) return exit_usage;
  auto answer = ask_daemon(*config, "/status");
  if (!answer && answer.error().code == Errc::connection_failed) answer = status_of_data(*config);
  return show(answer, json);
}

int sessions_show(const std::string& config_path, const std::string& id, bool json) {
  auto config = load_config(config_path);
  if (!config) return exit_usage;
  if (!is_session_id(id)) return report({.code = Errc::not_found, .detail = "no such session"});
  auto answer = ask_daemon(*config, "/sessions/" + id);
  if (!answer && answer.error().code == Errc::connection_failed) answer = session_of_data(*config, id);
  return show(answer, json);
}

}  // namespace perkline::edge
