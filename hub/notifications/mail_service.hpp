#pragma once

#include "hub/notifications/mail_smtp.hpp"
#include "hub/notifications/mail_worker.hpp"

namespace perkline::hub::notifications {

/// A daemon's mails: what is made in masses goes over a line of its own to the server, so that neither it nor
/// any other mail waits for the other. Reactor's thread.
class MailService {
 public:
  struct Parts {
    net::Reactor& reactor;
    db::Database& database;
    UuidMaker& ids;
  };
  /// All of `parts` must outlive this. Which mails a worker sends is up to this.
  MailService(const Parts& parts, const SmtpMailer::Options& server, const MailWorker::Options& options)
      : reactor_(parts.reactor),
        others_(parts, server, sending(options, false)),
        many_(parts, server, sending(options, true)) {}

  /// Starts sending; this must outlive it.
  void start() {
    reactor_.spawn(others_.worker.run());
    reactor_.spawn(many_.worker.run());
  }
  /// Returns when nothing is sent any more, after the mails that are under way.
  Task<void> drain() {
    // Both are told before either is waited for.
    many_.worker.end();
    co_await others_.worker.drain();
    co_await many_.worker.drain();
  }

 private:
  struct Line {
    Line(const Parts& parts, const SmtpMailer::Options& server, MailWorker::Options options)
        : mailer(parts.reactor, server),
          worker({parts.database, parts.reactor.clock(), parts.ids, mailer}, std::move(options)) {}
    SmtpMailer mailer;
    MailWorker worker;
  };
  static MailWorker::Options sending(MailWorker::Options options, bool in_masses) {
    options.in_masses = in_masses;
    return options;
  }

  net::Reactor& reactor_;
  Line others_;
  Line many_;
};

}  // namespace perkline::hub::notifications
