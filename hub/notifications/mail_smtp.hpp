#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "hub/notifications/mail.hpp"
#include "shared/net/reactor.hpp"

namespace perkline::hub::notifications {

/// SMTP (RFC 5321) with libcurl on a thread of its own, behind a bounded queue; the connection is kept
/// between mails. TLS with the server's certificate and name checked, `smtps://` from the start and `smtp://`
/// by STARTTLS: without it nothing is said, neither a password nor a mail. Only on loopback and without a
/// login `smtp://` goes in the clear where the server offers no TLS, and asks for no certificate.
class SmtpMailer final : public MailPort {
 public:
  struct Options {
    std::string url;           ///< `smtp[s]://[user:password@]host[:port]`; never logged.
    std::string from;          ///< `Name <address>`, or an address.
    std::string ca_file = {};  ///< Whom certificates are to be signed by; empty: whom the system trusts.
    seconds time_max = send_time_max;
    std::size_t queue_max = 64;  ///< Beyond it: unreachable.
  };
  /// `reactor` must outlive this.
  SmtpMailer(net::Reactor& reactor, Options options);
  SmtpMailer(const SmtpMailer&) = delete;
  SmtpMailer& operator=(const SmtpMailer&) = delete;
  /// What is under way is broken off.
  ~SmtpMailer() override;

  Task<MailOutcome> send(Mail mail) override;

 private:
  struct Job;
  class Line;
  void work();

  net::Reactor& reactor_;
  const Options options_;

  std::mutex mutex_;  ///< Guards what follows.
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Job>> waiting_;
  std::atomic<bool> stopping_ = false;  ///< Also looked at without it, by what is under way.
  std::thread thread_;
};

}  // namespace perkline::hub::notifications
