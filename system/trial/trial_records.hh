// The records of trials on disk: SYSROOT/ostree/osb-oci/trial.json, failed.json and trial-stage. The old and
// the new system read them. The initramfs of the new system writes the stage.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "system/trial/trial.hh"

namespace osb::system {

// The progress of a deployment on trial. The initramfs (containerfiles/rootfs) writes `root` and `init`.
struct TrialStage {
    std::string id;    // of the trial
    std::string name;  // "root": the root is mounted; "init": OpenRC has control; "checking"; "repeated": the
                       // bootloader started it a second time
    std::string boot_id;  // of the boot that wrote this; "" if it is not known
    std::string detail;   // the check that runs, for "checking"; escaped
};

// The records of one sysroot. Each write is durable and atomic. A malformed record is read as missing, with a
// warning. Text from outside (image, digest, version, reason) is cut if it is too long, and bytes that are
// not UTF-8 are replaced. Throws Error{invalid} instead of writing a record that could not be read again.
class TrialRecords {
  public:
    // `sysroot` is the mount point ("/" for the running system). Creates no directory before the first write.
    explicit TrialRecords(const std::string& sysroot);

    std::optional<Trial> trial() const;
    void set_trial(const Trial& trial) const;
    // Removes the trial and its stage.
    void remove_trial() const;

    std::vector<FailedTrial> failed() const;
    void set_failed(std::vector<FailedTrial> failed) const;

    std::optional<TrialStage> stage() const;
    void set_stage(const TrialStage& stage) const;
    void remove_stage() const;

  private:
    std::optional<std::string> read(const char* name) const;
    void write(const char* name, const std::string& text) const;
    void remove(const char* name) const;

    std::string directory_;
};

// Returns the id of this boot of this machine; "" if the kernel does not report it.
std::string current_boot_id();

}  // namespace osb::system
