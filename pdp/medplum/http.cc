#include "pdp/medplum/http.h"

#include <curl/curl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "pdp/base/clock.h"
#include "pdp/base/mutex.h"
#include "pdp/base/strings.h"

namespace pdp::medplum {
namespace {

constexpr size_t kMaxHeaderBytes = size_t{64} << 10;

// Where libcurl waits for nothing else, how long until it is asked again.
constexpr absl::Duration kPollInterval = absl::Seconds(1);

// How long certificates that were read are used before they are read again.
constexpr long kCaCacheSeconds = 300;

void InitCurl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)code;
}

long Milliseconds(absl::Duration duration) {
  return static_cast<long>(
      std::max<int64_t>(1, absl::ToInt64Milliseconds(duration)));
}

struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, ListDeleter>;

// The list must grow from its head's owner.
void Append(HeaderList& list, const std::string& line) {
  curl_slist* const longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) return;
  (void)list.release();
  list.reset(longer);
}

// What the callbacks of one transfer fill in.
struct Transfer {
  size_t max_body_bytes = 0;
  HttpAnswer answer;
  size_t header_bytes = 0;
  bool too_large = false;
  bool has_begun = false;
  absl::Duration last_piece;  // Since boot.
};

size_t OnBody(char* data, size_t size, size_t count, void* user) {
  Transfer& transfer = *static_cast<Transfer*>(user);
  const size_t bytes = size * count;
  transfer.last_piece = Clock::Real().SinceBoot();
  if (bytes > transfer.max_body_bytes - transfer.answer.body.size()) {
    transfer.too_large = true;
    return 0;
  }
  transfer.answer.body.append(data, bytes);
  return bytes;
}

size_t OnHeader(char* data, size_t size, size_t count, void* user) {
  Transfer& transfer = *static_cast<Transfer*>(user);
  const size_t bytes = size * count;
  transfer.last_piece = Clock::Real().SinceBoot();
  transfer.has_begun = true;
  transfer.header_bytes += bytes;
  if (transfer.header_bytes > kMaxHeaderBytes) {
    transfer.too_large = true;
    return 0;
  }
  const absl::string_view line(data, bytes);
  HttpAnswer& answer = transfer.answer;
  const size_t colon = line.find(':');
  if (absl::StartsWith(line, "HTTP/")) {
    answer.location.clear();
    answer.retry_after.clear();
    answer.date = absl::InfinitePast();
  } else if (colon != absl::string_view::npos) {
    const absl::string_view name = line.substr(0, colon);
    const absl::string_view value =
        absl::StripAsciiWhitespace(line.substr(colon + 1));
    if (absl::EqualsIgnoreCase(name, "Location")) {
      answer.location = std::string(value);
    } else if (absl::EqualsIgnoreCase(name, "Retry-After")) {
      answer.retry_after = std::string(value);
    } else if (absl::EqualsIgnoreCase(name, "Date")) {
      answer.date = ParseHttpDate(ToStd(value)).value_or(absl::InfinitePast());
    }
  }
  return bytes;
}

// As OpenSSL writes it: `Expire date:Jan  1 00:00:00 2030 GMT`.
std::optional<absl::Time> ReadCertificateEnd(CURL* easy) {
  constexpr absl::string_view kName = "Expire date:";
  curl_certinfo* info = nullptr;
  if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &info) != CURLE_OK ||
      info == nullptr || info->num_of_certs < 1) {
    return std::nullopt;
  }
  for (const curl_slist* line = info->certinfo[0]; line != nullptr;
       line = line->next) {
    absl::string_view text = line->data;
    if (!absl::ConsumePrefix(&text, kName)) continue;
    absl::Time time;
    if (absl::ParseTime("%b %d %H:%M:%S %Y GMT", text, &time, nullptr)) {
      return time;
    }
  }
  return std::nullopt;
}

absl::Status Untrusted(std::string_view reason) {
  return absl::FailedPreconditionError(
      StrCat("the server's certificate is not trusted: ", reason));
}

// Why no whole answer came.
absl::Status ToStatus(CURLcode code, std::string_view detail) {
  const std::string_view reason =
      detail.empty() ? std::string_view(curl_easy_strerror(code)) : detail;
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
      return Untrusted(reason);
    case CURLE_OPERATION_TIMEDOUT:
      return absl::UnavailableError(StrCat("no answer in time: ", reason));
    case CURLE_PARTIAL_FILE:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return absl::DataLossError(
          StrCat("the answer is cut short or no HTTP: ", reason));
    case CURLE_FILESIZE_EXCEEDED:
      return absl::ResourceExhaustedError("the answer is too large");
    default:
      return absl::UnavailableError(StrCat("no answer: ", reason));
  }
}

// One connection, or the room for one.  Each has a multi handle of its own,
// whose wait another thread can end.
class Connection {
 public:
  Connection() : easy_(curl_easy_init()), multi_(curl_multi_init()) {
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 1L);
  }
  ~Connection() {
    curl_easy_cleanup(easy_);
    curl_multi_cleanup(multi_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  HttpExchange Send(const HttpRequest& request, const HttpOptions& options,
                    const std::atomic<bool>& stopped) {
    if (easy_ == nullptr || multi_ == nullptr) {
      return {
          absl::ResourceExhaustedError("no memory for a request"), false, {}};
    }
    Transfer transfer;
    transfer.max_body_bytes = options.max_response_bytes;
    char detail[CURL_ERROR_SIZE] = "";
    const HeaderList headers = MakeHeaders(request);
    curl_easy_reset(easy_);  // Keeps the connection.
    SetLimits(options);
    SetTrust(options);
    SetRequest(request, headers.get(), transfer, detail);
    curl_easy_setopt(easy_, CURLOPT_USERAGENT, options.user_agent.c_str());

    HttpExchange exchange;
    curl_multi_add_handle(multi_, easy_);
    exchange.status = Run(transfer, options, stopped, detail);
    curl_off_t sent_at = 0;
    curl_easy_getinfo(easy_, CURLINFO_PRETRANSFER_TIME_T, &sent_at);
    exchange.may_have_arrived = sent_at > 0;
    long verification = 0;
    curl_easy_getinfo(easy_, CURLINFO_SSL_VERIFYRESULT, &verification);
    if (absl::IsUnavailable(exchange.status) && verification != 0) {
      exchange.status = Untrusted(ToStd(exchange.status.message()));
    }
    long code = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &code);
    exchange.answer = std::move(transfer.answer);
    if (request.with_certificate) {
      exchange.answer.certificate_ends = ReadCertificateEnd(easy_);
    }
    curl_multi_remove_handle(multi_, easy_);  // Closes what is unfinished.
    exchange.answer.code = static_cast<int>(code);
    return exchange;
  }

  // Ends the wait of a Send on another thread.
  void Wake() { curl_multi_wakeup(multi_); }

 private:
  static HeaderList MakeHeaders(const HttpRequest& request) {
    HeaderList list;
    for (const std::string& line : request.headers) Append(list, line);
    Append(list, "Expect:");
    return list;
  }

  void SetLimits(const HttpOptions& options) {
    curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy_, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS,
                     Milliseconds(options.connect_timeout));
    curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS,
                     Milliseconds(options.total_timeout));
    curl_easy_setopt(easy_, CURLOPT_MAXFILESIZE_LARGE,
                     static_cast<curl_off_t>(options.max_response_bytes));
    curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy_, CURLOPT_PROXY, "");
    curl_easy_setopt(easy_, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy_, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy_, CURLOPT_ACCEPT_ENCODING, "gzip");
  }

  void SetTrust(const HttpOptions& options) {
    curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy_, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy_, CURLOPT_CA_CACHE_TIMEOUT, kCaCacheSeconds);
    if (options.ca_file.empty()) return;
    curl_easy_setopt(easy_, CURLOPT_CAINFO, options.ca_file.c_str());
    // By default the system's directory of certificates, which would be trusted
    // beside the file.
    curl_easy_setopt(easy_, CURLOPT_CAPATH, nullptr);
  }

  void SetRequest(const HttpRequest& request, curl_slist* headers,
                  Transfer& transfer, char* detail) {
    curl_easy_setopt(easy_, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, detail);
    curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, OnBody);
    curl_easy_setopt(easy_, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, OnHeader);
    curl_easy_setopt(easy_, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(easy_, CURLOPT_FRESH_CONNECT,
                     request.new_connection ? 1L : 0L);
    curl_easy_setopt(easy_, CURLOPT_CERTINFO,
                     request.with_certificate ? 1L : 0L);
    switch (request.method) {
      case HttpRequest::Method::kGet:
        curl_easy_setopt(easy_, CURLOPT_HTTPGET, 1L);
        return;
      case HttpRequest::Method::kDelete:
        curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, "DELETE");
        return;
      case HttpRequest::Method::kPut:
        curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, "PUT");
        break;
      case HttpRequest::Method::kPatch:
        curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, "PATCH");
        break;
      case HttpRequest::Method::kPost:
        curl_easy_setopt(easy_, CURLOPT_POST, 1L);
        break;
    }
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
  }

  absl::Status Run(const Transfer& transfer, const HttpOptions& options,
                   const std::atomic<bool>& stopped, const char* detail) {
    while (true) {
      if (stopped.load()) return absl::CancelledError("stopped");
      int running = 0;
      curl_multi_perform(multi_, &running);
      int queued = 0;
      while (const CURLMsg* message = curl_multi_info_read(multi_, &queued)) {
        if (message->msg != CURLMSG_DONE) continue;
        const CURLcode code = message->data.result;
        if (transfer.too_large) {
          return absl::ResourceExhaustedError("the answer is too large");
        }
        return code == CURLE_OK ? absl::OkStatus() : ToStatus(code, detail);
      }
      absl::Duration wait = kPollInterval;
      if (transfer.has_begun) {
        const absl::Duration left = transfer.last_piece +
                                    options.stall_timeout -
                                    Clock::Real().SinceBoot();
        if (left <= absl::ZeroDuration()) {
          return absl::UnavailableError("the answer stalled");
        }
        wait = std::min(wait, left);
      }
      curl_multi_poll(multi_, nullptr, 0, static_cast<int>(Milliseconds(wait)),
                      nullptr);
    }
  }

  CURL* const easy_;
  CURLM* const multi_;
};

}  // namespace

struct Http::Impl {
  explicit Impl(HttpOptions http_options) : options(std::move(http_options)) {}

  std::unique_ptr<Connection> Take() {
    MutexLock lock(mutex);
    std::unique_ptr<Connection> connection;
    if (idle.empty()) {
      connection = std::make_unique<Connection>();
    } else {
      connection = std::move(idle.back());
      idle.pop_back();
    }
    busy.insert(connection.get());
    return connection;
  }

  void GiveBack(std::unique_ptr<Connection> connection) {
    MutexLock lock(mutex);
    busy.erase(connection.get());
    if (idle.size() < options.max_idle_connections) {
      idle.push_back(std::move(connection));
    }
  }

  const HttpOptions options;
  std::atomic<bool> stopped = false;
  std::atomic<uint64_t> bytes_received = 0;
  Mutex mutex;
  std::vector<std::unique_ptr<Connection>> idle ABSL_GUARDED_BY(mutex);
  std::unordered_set<Connection*> busy ABSL_GUARDED_BY(mutex);
};

std::optional<absl::Time> ParseHttpDate(std::string_view text) {
  absl::Time time;
  if (!absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", ToAbsl(text), &time,
                       nullptr)) {
    return std::nullopt;
  }
  return time;
}

absl::StatusOr<std::unique_ptr<Http>> Http::Open(HttpOptions options) {
  InitCurl();
  if (!options.ca_file.empty() && access(options.ca_file.c_str(), R_OK) != 0) {
    return absl::InvalidArgumentError(
        StrCat("the CA file `", options.ca_file, "` cannot be read"));
  }
  return std::unique_ptr<Http>(
      new Http(std::make_unique<Impl>(std::move(options))));
}

Http::Http(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Http::~Http() = default;

HttpExchange Http::Send(const HttpRequest& request) {
  std::unique_ptr<Connection> connection = impl_->Take();
  HttpExchange exchange =
      connection->Send(request, impl_->options, impl_->stopped);
  impl_->GiveBack(std::move(connection));
  impl_->bytes_received += exchange.answer.body.size();
  return exchange;
}

void Http::Stop() {
  impl_->stopped = true;
  MutexLock lock(impl_->mutex);
  for (Connection* const connection : impl_->busy) connection->Wake();
}

uint64_t Http::bytes_received() const { return impl_->bytes_received; }

}  // namespace pdp::medplum
