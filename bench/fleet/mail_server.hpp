#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/fleet/child.hpp"
#include "shared/core/result.hpp"

namespace perkline::bench {

/// A mail as a server took it.
struct Mail {
  std::string from;
  std::string to;
  std::string raw;  ///< As it came.
  bool secure = false;
  std::string user;
  /// A header's value, folded lines joined; empty: absent.
  std::string header(const std::string& name) const;
  std::string body() const;
};

/// A real mail server on loopback beside this process, npm's smtp-server (tests/support/smtp), that writes
/// down what it takes. It ends with this object. One thread.
class MailServer {
 public:
  struct Options {
    std::filesystem::path npm_dir;  ///< Has node_modules, and server.mjs beside it.
    std::uint16_t port;
    std::filesystem::path mails_file;  ///< Mails are appended, also those of a server started anew.
    std::filesystem::path log_file;
    std::string mode = "plain";  ///< Or starttls, tls.
    std::string login = {};      ///< `user:password`, asked for if not empty.
    std::string cert_file = {};  ///< PEM, as the key's; empty: one that it makes itself.
    std::string key_file = {};
  };
  /// Whether npm has put one into that folder.
  static bool is_in(const std::filesystem::path& npm_dir);
  /// Returns when it listens. Errors: io_failed (it does not).
  static Result<MailServer> start(Options options);

  std::string url() const { return "smtp://127.0.0.1:" + std::to_string(options_.port); }
  /// All mails taken so far, in order.
  std::vector<Mail> taken() const;

 private:
  MailServer(Options options, Child child) : options_(std::move(options)), child_(std::move(child)) {}
  Options options_;
  Child child_;
};

/// Those in a server's file, in order. One that is being written is left out.
std::vector<Mail> mails_in(const std::filesystem::path& file);

}  // namespace perkline::bench
