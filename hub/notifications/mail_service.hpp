#pragma once

#include "hub/notifications/mail_smtp.hpp"
#include "hub/notifications/mail_worker.hpp"

namespace perkline::hub::notifications {

/// A daemon's mails: the worker and the server that it hands them to. Reactor's thread.
class MailService {
 public:
  struct Parts {
    net::Reactor& reactor;
    db::Database& database;
    UuidMaker& ids;
  };
  /// All of `parts` must outlive this.
  MailService(const Parts& parts, SmtpMailer::Options server, MailWorker::Options options)
      : mailer_(parts.reactor, std::move(server)),
        worker_({parts.database, parts.reactor.clock(), parts.ids, mailer_}, std::move(options)) {}

  MailWorker& worker() { return worker_; }

 private:
  SmtpMailer mailer_;
  MailWorker worker_;
};

}  // namespace perkline::hub::notifications
