#include "hub/notifications/mail_smtp.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <curl/curl.h>

#include "hub/notifications/mail_reply.hpp"
#include "hub/notifications/mail_text.hpp"
#include "shared/core/assert.hpp"
#include "shared/net/signal.hpp"

namespace perkline::hub::notifications {
namespace {

constexpr std::size_t reply_bytes_max = 200;

/// What is kept of a server's line: printable, and not all of it.
std::string printable(std::string_view line) {
  std::string text(line.substr(0, reply_bytes_max));
  std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, ' ');
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

/// What the conversation was at when it ended. Commands may hold the password: only their verb is looked at.
struct Conversation {
  std::string verb;   ///< RCPT, DATA, …; empty: none was sent. QUIT does not count, nor what is said to it.
  std::string reply;  ///< The last line that the server said to it.
  bool has_sent_message = false;
  bool is_over = false;

  /// 0: none was said.
  int reply_code() const {
    int code = 0;
    std::from_chars(reply.data(), reply.data() + std::min<std::size_t>(reply.size(), 3), code);
    return code;
  }

  static int hear(CURL*, curl_infotype kind, char* bytes, std::size_t size, void* self) {
    auto& conversation = *static_cast<Conversation*>(self);
    const std::string_view text(bytes, size);
    if (kind == CURLINFO_HEADER_OUT && text.starts_with("QUIT")) conversation.is_over = true;
    if (conversation.is_over) return 0;
    if (kind == CURLINFO_HEADER_OUT) {
      conversation.verb = text.substr(0, text.find_first_of(" \r\n"));
      conversation.reply.clear();
    }
    if (kind == CURLINFO_HEADER_IN && text.size() > 3) conversation.reply = printable(text);
    if (kind == CURLINFO_DATA_OUT) conversation.has_sent_message = true;
    return 0;
  }
};

struct Reading {
  std::string_view rest;

  static std::size_t read(char* into, std::size_t size, std::size_t count, void* self) {
    auto& reading = *static_cast<Reading*>(self);
    const std::size_t part = std::min(reading.rest.size(), size * count);
    std::memcpy(into, reading.rest.data(), part);
    reading.rest.remove_prefix(part);
    return part;
  }
};

MailOutcome in_our_words(MailFate fate, const std::string& why) {
  return {.fate = fate, .reason = why, .status = why};
}

/// Of RFC 3463's classes: policy, as when a server believes that the sender is none to hear. No word about
/// whether there is such an address.
bool is_policy(std::string_view status) {
  return status.contains(" 5.7.");
}

/// What the end of a conversation says about its mail: a 5xx to the address or to the mail is final, one to
/// anything before them is about us, and passes once somebody has put it right. A line that breaks or hangs
/// after the server had accepted to take a mail is about that mail: another may go through.
MailOutcome outcome_of(CURLcode result, const Conversation& conversation, std::string_view recipient) {
  if (result == CURLE_OK) return {.fate = MailFate::sent};
  const bool about_this_mail =
      conversation.verb == "RCPT" || conversation.verb == "DATA" || conversation.has_sent_message;
  const int code = conversation.reply_code();
  const bool answered = code >= 400 && code <= 599;
  if (!answered) {
    MailOutcome outcome = in_our_words(MailFate::unreachable, curl_easy_strerror(result));
    outcome.broke_the_line = about_this_mail && result != CURLE_ABORTED_BY_CALLBACK;
    if (outcome.broke_the_line) outcome.fate = MailFate::put_off;
    return outcome;
  }
  MailFate fate = MailFate::unreachable;
  if (about_this_mail) fate = code >= 500 ? MailFate::refused : MailFate::put_off;
  const std::string status = status_of_reply(conversation.reply);
  return {.fate = fate,
          .reason = without_addresses(conversation.reply, recipient),
          .is_of_address = fate == MailFate::refused && conversation.verb == "RCPT" && !is_policy(status),
          .status = status};
}

/// A part of a URL; empty where there is none.
std::string part_of(const std::string& url, CURLUPart part) {
  const std::unique_ptr<CURLU, void (*)(CURLU*)> parsed(curl_url(), &curl_url_cleanup);
  char* text = nullptr;
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
      curl_url_get(parsed.get(), part, &text, 0) != CURLUE_OK)
    return "";
  const std::unique_ptr<char, void (*)(void*)> owned(text, &curl_free);
  return text;
}

/// Whether what is said there neither leaves this machine nor holds a password.
bool may_go_in_the_clear(const std::string& url) {
  const std::string host = part_of(url, CURLUPART_HOST);
  // Addresses, not names that only begin like one.
  const bool loopback =
      host == "localhost" || host == "[::1]" ||
      (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos);
  return loopback && !url.starts_with("smtps://") && part_of(url, CURLUPART_USER).empty() &&
         part_of(url, CURLUPART_PASSWORD).empty();
}

bool starts_curl() {
  return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

}  // namespace

struct SmtpMailer::Job {
  Mail mail;
  MailOutcome outcome = {};
  net::Signal signal = {};  ///< This and what follows: on the reactor's thread.
  bool done = false;
};

/// The connection to the server, on the mailer's thread.
class SmtpMailer::Line {
 public:
  Line(const Options& options, const std::atomic<bool>& broken_off)
      : options_(options),
        in_the_clear_(may_go_in_the_clear(options.url)),
        broken_off_(broken_off),
        curl_(curl_easy_init(), &curl_easy_cleanup) {
    PERKLINE_ASSERT(curl_ != nullptr);
  }

  MailOutcome send(const Mail& mail) {
    const auto to = envelope_address(mail.to);
    if (!to) {
      MailOutcome outcome = in_our_words(MailFate::refused, "the address cannot be written to");
      outcome.is_of_address = true;
      return outcome;
    }
    const auto from = sender_address(options_.from);
    if (!from) return in_our_words(MailFate::unreachable, "smtp.from is no address");
    const std::string message = message_of(mail, options_.from);
    Reading reading{message};
    Conversation conversation;
    CURL* curl = curl_.get();
    curl_easy_reset(curl);  // The connection stays.
    set_up(curl, conversation, reading);
    const std::string sender = '<' + *from + '>';
    const std::string recipient = '<' + *to + '>';
    const std::unique_ptr<curl_slist, void (*)(curl_slist*)> recipients(
        curl_slist_append(nullptr, recipient.c_str()), &curl_slist_free_all);
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, sender.c_str());
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients.get());
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(message.size()));
    const CURLcode result = curl_easy_perform(curl);
    return outcome_of(result, conversation, *to);
  }

 private:
  void set_up(CURL* curl, Conversation& conversation, Reading& reading) const {
    curl_easy_setopt(curl, CURLOPT_URL, options_.url.c_str());
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_USE_SSL,
                     static_cast<long>(in_the_clear_ ? CURLUSESSL_TRY : CURLUSESSL_ALL));
    const long checked = in_the_clear_ ? 0L : 1L;
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, checked);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2 * checked);
    if (!options_.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, options_.ca_file.c_str());
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, static_cast<long>(options_.time_max.count()));
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, &Reading::read);
    curl_easy_setopt(curl, CURLOPT_READDATA, &reading);
    curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
    curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, &Conversation::hear);
    curl_easy_setopt(curl, CURLOPT_DEBUGDATA, &conversation);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &is_broken_off);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &broken_off_);
  }

  static int is_broken_off(const void* flag, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<const std::atomic<bool>*>(flag)->load() ? 1 : 0;
  }

  const Options& options_;
  const bool in_the_clear_;  ///< It may go so.
  const std::atomic<bool>& broken_off_;
  std::unique_ptr<CURL, void (*)(CURL*)> curl_;
};

SmtpMailer::SmtpMailer(net::Reactor& reactor, Options options)
    : reactor_(reactor), options_(std::move(options)) {
  static const bool started = starts_curl();
  PERKLINE_ASSERT(started);
  thread_ = std::thread([this] { work(); });
}

SmtpMailer::~SmtpMailer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

Task<MailOutcome> SmtpMailer::send(Mail mail) {
  auto job = std::make_shared<Job>(Job{.mail = std::move(mail)});
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= options_.queue_max)
      co_return in_our_words(MailFate::unreachable, "too many mails at once");
    waiting_.push_back(job);
  }
  wake_.notify_one();
  co_await job->signal.wait();
  if (!job->done) co_return in_our_words(MailFate::unreachable, "broken off");
  co_return std::move(job->outcome);
}

void SmtpMailer::work() {
  Line line(options_, stopping_);
  while (true) {
    std::shared_ptr<Job> job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      job = std::move(waiting_.front());
      waiting_.pop_front();
    }
    MailOutcome outcome = line.send(job->mail);
    // Moved, so that no owner is left on this thread: the signal belongs to the reactor's.
    reactor_.post([finished = std::move(job), outcome = std::move(outcome)] {
      finished->outcome = outcome;
      finished->done = true;
      finished->signal.notify();
    });
  }
}

}  // namespace perkline::hub::notifications
