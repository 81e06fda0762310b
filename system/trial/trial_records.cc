#include "system/trial/trial_records.hh"

#include <fcntl.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/log.hh"
#include "base/state_file.hh"
#include "oci/documents/json.hh"
#include "oci/documents/json_members.hh"

namespace osb::system {
namespace {

using oci::Json;

constexpr const char* kTrialFile = "trial.json";
constexpr const char* kFailedFile = "failed.json";
constexpr const char* kStageFile = "trial-stage";
constexpr std::size_t kMaxRecordFile = 256UL * 1024;
constexpr std::size_t kMaxText = 4096;  // of one value, for the reader
// Limits for the writer, in bytes. They are far below kMaxText, so that every text that an image states can
// be read back.
constexpr std::size_t kMaxImage = 1024;
constexpr std::size_t kMaxDigest = 256;
constexpr std::size_t kMaxVersion = 256;
constexpr std::size_t kMaxReason = 1024;
constexpr std::size_t kMaxBootId = 64;
constexpr std::size_t kMaxName = 255;
constexpr int kSchema = 1;

[[noreturn]] void malformed(std::string_view what) {
    throw Error(ErrorKind::invalid, concat("bad or missing ", what));
}

// `kRecord` is used in messages that already name the file.
constexpr std::string_view kRecord = "the record";

std::string text_of(const Json& object, const char* name) {
    const std::string& text = oci::required_string(object, name, kRecord);
    if (text.size() > kMaxText) malformed(name);
    return text;
}

int serial_of(const Json& object, int least) {
    constexpr int kMost = std::numeric_limits<int>::max();
    return static_cast<int>(oci::required_integer(object, "serial", least, kMost, kRecord));
}

std::int64_t time_of(const Json& object) {
    return oci::required_integer(object, "time", 0, std::numeric_limits<std::int64_t>::max(), kRecord);
}

bool is_hex(std::string_view text, std::size_t size) {
    return text.size() == size && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string hex_of(const Json& object, const char* name, std::size_t size) {
    std::string text = text_of(object, name);
    if (!is_hex(text, size)) malformed(name);
    return text;
}

// A name below ostree/deploy.
std::string stateroot_of(const Json& object) {
    std::string text = text_of(object, "stateroot");
    if (text.empty() || text.size() > kMaxName || text.front() == '.' ||
        text.find('/') != std::string::npos || escape(text) != text) {
        malformed("stateroot");
    }
    return text;
}

ostree::DeploymentId deployment_of(const Json& object, int serial) {
    const auto commit = ostree::CommitId::try_parse(text_of(object, "commit"));
    if (!commit) malformed("commit");
    return {.stateroot = stateroot_of(object), .commit = *commit, .serial = serial};
}

TrialSubject subject_of(const Json& object) {
    TrialSubject out;
    out.image = text_of(object, "image");
    out.digest = text_of(object, "digest");
    out.version = text_of(object, "version");
    return out;
}

constexpr std::pair<TrialState, std::string_view> kStates[] = {
    {TrialState::prepared, "prepared"}, {TrialState::armed, "armed"}, {TrialState::passed, "passed"}};

TrialState state_of(const std::string& text) {
    for (const auto& [state, name] : kStates) {
        if (name == text) return state;
    }
    malformed("state");
}

std::string_view name_of(TrialState wanted) {
    for (const auto& [state, name] : kStates) {
        if (state == wanted) return name;
    }
    return "prepared";
}

constexpr std::size_t kIdSize = 16;
constexpr int kReusedSerial = -1;  // of a failure whose deployment id a later deployment reuses

void check_schema(const Json& json) {
    static_cast<void>(oci::required_integer(json, "schema", kSchema, kSchema, kRecord));
}

// Records of earlier versions have none.
int attempt_of(const Json& object) {
    constexpr int kMost = 1000;
    if (oci::member_or_null(object, "attempt").is_null()) return 1;
    return static_cast<int>(oci::required_integer(object, "attempt", 1, kMost, kRecord));
}

Trial parse_trial(const std::string& text) {
    const Json json = oci::parse_json(text, kTrialFile);
    check_schema(json);
    return {.id = hex_of(json, "id", kIdSize),
            .deployment = deployment_of(json, serial_of(json, 0)),
            .subject = subject_of(json),
            .state = state_of(text_of(json, "state")),
            .time = time_of(json),
            .boot_id = text_of(json, "boot_id"),
            .attempt = attempt_of(json)};
}

FailedTrial parse_failure(const Json& json) {
    const int serial = serial_of(json, kReusedSerial);
    return {.deployment = deployment_of(json, std::max(serial, 0)),
            .is_id_reused = serial == kReusedSerial,
            .subject = subject_of(json),
            .reason = text_of(json, "reason"),
            .time = time_of(json)};
}

std::vector<FailedTrial> parse_failed(const std::string& text) {
    const Json json = oci::parse_json(text, kFailedFile);
    check_schema(json);
    std::vector<FailedTrial> out;
    for (const Json& item : oci::required_array(json, "failed", kMaxRecordFile, kRecord)) {
        out.push_back(parse_failure(item));
    }
    if (out.size() > kMaxFailed) out.erase(out.begin(), out.end() - kMaxFailed);
    return out;
}

// Parses the words of one line: id, name, boot id, and the rest.
TrialStage parse_stage(std::string_view text) {
    const auto word = [&text] {
        const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
        std::string out(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        return out;
    };
    TrialStage out;
    out.id = word();
    out.name = word();
    out.boot_id = word();
    out.detail = escape(text.substr(0, text.find('\n')));
    if (!is_hex(out.id, kIdSize)) malformed("id");
    if (out.name.empty() || escape(out.name) != out.name) malformed("stage");
    return out;
}

std::string to_text(const Json& json) {
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

// Returns text from outside as a record can hold it: UTF-8, with U+FFFD for invalid bytes, of at most `most`
// bytes, without a split character.
std::string bounded(std::string_view text, std::size_t most) {
    constexpr std::size_t kLongestCharacter = 4;
    if (text.size() <= most && is_utf8(text)) return std::string(text);
    // A character that this cut splits lies beyond `most`, because a replacement is at least as long as the
    // bytes that it replaces.
    text = text.substr(0, most + kLongestCharacter);
    const std::string json = Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
    auto out = oci::parse_json(json, "text").get<std::string>();
    std::size_t end = std::min(out.size(), most);
    while (end < out.size() && end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0U) == 0x80) --end;
    out.resize(end);
    return out;
}

void put_subject(Json& json, const TrialSubject& subject) {
    json["image"] = bounded(subject.image, kMaxImage);
    json["digest"] = bounded(subject.digest, kMaxDigest);
    json["version"] = bounded(subject.version, kMaxVersion);
}

Json to_json(const Trial& trial) {
    Json json{{"schema", kSchema},
              {"id", trial.id},
              {"stateroot", trial.deployment.stateroot},
              {"commit", trial.deployment.commit},
              {"serial", trial.deployment.serial},
              {"state", name_of(trial.state)},
              {"boot_id", bounded(trial.boot_id, kMaxBootId)},
              {"attempt", trial.attempt},
              {"time", trial.time}};
    put_subject(json, trial.subject);
    return json;
}

Json to_json(const std::vector<FailedTrial>& failed) {
    Json list = Json::array();
    for (const FailedTrial& failure : failed) {
        Json json{{"stateroot", failure.deployment.stateroot},
                  {"commit", failure.deployment.commit},
                  {"serial", failure.is_id_reused ? kReusedSerial : failure.deployment.serial},
                  {"reason", bounded(failure.reason, kMaxReason)},
                  {"time", failure.time}};
        put_subject(json, failure.subject);
        list.push_back(std::move(json));
    }
    return Json{{"schema", kSchema}, {"failed", std::move(list)}};
}

// Formats a record, and verifies that `parse` reads the same record from the text.
template<typename Record, typename Parse>
std::string readable_text(const Record& record, const char* name, const Parse& parse) {
    std::string text = to_text(to_json(record));
    with_context([&] { return concat(name, " of the trial would not be readable"); },
                 [&] {
                     if (text.size() > kMaxRecordFile || to_text(to_json(parse(text))) != text) {
                         throw Error(ErrorKind::invalid, "its content would differ");
                     }
                 });
    return text;
}

template<typename Parse>
auto parse_or_nothing(const std::optional<std::string>& text, const char* name, const Parse& parse)
    -> std::optional<decltype(parse(*text))> {
    if (!text) return std::nullopt;
    try {
        return parse(*text);
    } catch (const Error& error) {
        log_warning(concat(name, " of the trial is ignored: ", error.message()));
        return std::nullopt;
    }
}

}  // namespace

TrialRecords::TrialRecords(const std::string& sysroot)
    : directory_(concat(sysroot == "/" ? std::string_view() : std::string_view(sysroot), "/ostree/osb-oci")) {
}

std::optional<std::string> TrialRecords::read(const char* name) const {
    const std::string path = concat(directory_, '/', name);
    try {
        return read_regular_file(AT_FDCWD, path, kMaxRecordFile);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::not_found) return std::nullopt;
        if (error.kind() != ErrorKind::invalid && error.kind() != ErrorKind::too_large) throw;
        log_warning(concat(name, " of the trial is ignored: ", error.message()));
        return std::nullopt;
    }
}

void TrialRecords::write(const char* name, const std::string& text) const {
    const Fd directory = open_state_directory(directory_);
    replace_file(directory.get(), name, text);
}

void TrialRecords::remove(const char* name) const {
    Fd directory;
    try {
        directory = open_at(AT_FDCWD, directory_, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::not_found) return;
        throw;
    }
    remove_file(directory.get(), name);
}

std::optional<Trial> TrialRecords::trial() const {
    return parse_or_nothing(read(kTrialFile), kTrialFile, parse_trial);
}

void TrialRecords::set_trial(const Trial& trial) const {
    write(kTrialFile, readable_text(trial, kTrialFile, parse_trial));
}

void TrialRecords::remove_trial() const {
    remove(kTrialFile);
    remove(kStageFile);
}

std::vector<FailedTrial> TrialRecords::failed() const {
    return parse_or_nothing(read(kFailedFile), kFailedFile, parse_failed)
        .value_or(std::vector<FailedTrial>{});
}

void TrialRecords::set_failed(std::vector<FailedTrial> failed) const {
    if (failed.size() > kMaxFailed) failed.erase(failed.begin(), failed.end() - kMaxFailed);
    if (failed.empty()) {
        remove(kFailedFile);
        return;
    }
    write(kFailedFile, readable_text(failed, kFailedFile, parse_failed));
}

std::optional<TrialStage> TrialRecords::stage() const {
    return parse_or_nothing(read(kStageFile), kStageFile, parse_stage);
}

void TrialRecords::set_stage(const TrialStage& stage) const {
    const std::string text = concat(stage.id, ' ', stage.name, ' ', bounded(stage.boot_id, kMaxBootId), ' ',
                                    bounded(stage.detail, kMaxReason), '\n');
    const TrialStage read = parse_stage(text);
    if (read.id != stage.id || read.name != stage.name) malformed("stage");
    write(kStageFile, text);
}

void TrialRecords::remove_stage() const {
    remove(kStageFile);
}

std::string current_boot_id() {
    constexpr const char* kPath = "/proc/sys/kernel/random/boot_id";
    constexpr std::size_t kMax = 64;
    try {
        std::string text = read_regular_file(AT_FDCWD, kPath, kMax);
        if (!text.empty() && text.back() == '\n') text.pop_back();
        return text;
    } catch (const Error&) {
        return {};
    }
}

}  // namespace osb::system
