// What is known of trials, on disk: SYSROOT/ostree/osb-oci/trial.json, failed.json and trial-stage. Both the
// old system and the new one read it, and the initramfs of the new one writes the stage.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "system/trial/trial.hh"

namespace osb::system {

// How far a deployment on trial has come. The initramfs (containerfiles/rootfs) writes `root` and `init`.
struct TrialStage {
    std::string id;       // of the trial
    std::string name;     // "root": it is mounted; "init": handed over to OpenRC; "checking"; "repeated":
                          // the bootloader started it a second time
    std::string boot_id;  // of the boot that wrote this; "" when it is not known
    std::string detail;   // of "checking": which check runs; escaped
};

// The records of one sysroot. Those that are not well-formed are read as none, with a warning; each is
// written durably, in one step. What comes from outside (image, digest, version, reason) is cut where it is
// too long, and what is not UTF-8 in it replaced; a record that could not be read again is not written, and
// Error{invalid} thrown.
class TrialRecords {
  public:
    // `sysroot` is where it is mounted ("/" for the running system). Nothing is made before something is to
    // be written.
    explicit TrialRecords(const std::string& sysroot);

    std::optional<Trial> trial() const;
    void set_trial(const Trial& trial) const;
    // With its stage.
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

// The id of this boot of this machine; "" where the kernel does not tell.
std::string current_boot_id();

}  // namespace osb::system
