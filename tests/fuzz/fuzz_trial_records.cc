// What is known of trials: trial.json ('t' and the text), failed.json ('f'), trial-stage ('s'). Another
// version of the program, or a disk that lost its last writes, may have left anything there.
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hh"
#include "system/trial/trial_records.hh"
#include "tests/fuzz/fuzz_support.hh"
#include "tests/support/temp_directory.hh"

namespace {

using namespace osb;
using fuzz::require;

struct Harness {
    test::TempDirectory sysroot;
    system::TrialRecords records{sysroot.path()};

    Harness() { std::filesystem::create_directories(sysroot / "ostree/osb-oci"); }
    void put(const char* name, std::string_view text) const {
        std::ofstream file(sysroot / "ostree/osb-oci/" + name, std::ios::binary | std::ios::trunc);
        file << text;
    }
};

Harness& harness() {
    static Harness instance;
    return instance;
}

bool same(const system::TrialSubject& a, const system::TrialSubject& b) {
    return a.image == b.image && a.digest == b.digest && a.version == b.version;
}

bool same(const system::Trial& a, const system::Trial& b) {
    return a.id == b.id && a.deployment == b.deployment && a.state == b.state && a.time == b.time &&
           a.boot_id == b.boot_id && same(a.subject, b.subject);
}

bool same(const system::FailedTrial& a, const system::FailedTrial& b) {
    return a.deployment == b.deployment && a.is_id_reused == b.is_id_reused && a.reason == b.reason &&
           a.time == b.time && same(a.subject, b.subject);
}

// What was read can be written, and then is what is read. (Long texts are cut when they are written.)
void check_trial() {
    const system::TrialRecords& records = harness().records;
    std::optional<system::Trial> trial = records.trial();
    if (!trial) return;
    records.set_trial(*trial);
    const std::optional<system::Trial> second = records.trial();
    require(second && second->id == trial->id && second->deployment == trial->deployment);
    require(second->state == trial->state);
    records.set_trial(*second);
    const std::optional<system::Trial> third = records.trial();
    require(third && same(*third, *second));
    records.remove_trial();
    require(!records.trial());
}

void check_failed() {
    const system::TrialRecords& records = harness().records;
    const std::vector<system::FailedTrial> first = records.failed();
    require(first.size() <= system::kMaxFailed);
    records.set_failed(first);
    const std::vector<system::FailedTrial> second = records.failed();
    records.set_failed(second);
    const std::vector<system::FailedTrial> third = records.failed();
    require(first.size() == second.size() && second.size() == third.size());
    for (std::size_t i = 0; i < first.size(); ++i) {
        require(first[i].deployment == second[i].deployment);
        require(same(second[i], third[i]));
    }
}

void check_stage() {
    const system::TrialRecords& records = harness().records;
    const std::optional<system::TrialStage> stage = records.stage();
    if (!stage) return;
    require(fuzz::is_printable(stage->name) && fuzz::is_printable(stage->detail));
    records.set_stage(*stage);
    const std::optional<system::TrialStage> second = records.stage();
    require(second && second->id == stage->id && second->name == stage->name);
    records.remove_stage();
    require(!records.stage());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    set_log_sink([](LogLevel, const std::string& line) { require(fuzz::is_printable(line)); });
    const std::string_view text = as_text({data + 1, size - 1});
    switch (data[0]) {
        case 't':
            harness().put("trial.json", text);
            check_trial();
            break;
        case 'f':
            harness().put("failed.json", text);
            check_failed();
            break;
        default:
            harness().put("trial-stage", text);
            check_stage();
    }
    return 0;
}
