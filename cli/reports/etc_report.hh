// The output of `diff --etc`, for people and for programs (docs/json.md).
#pragma once

#include <optional>
#include <string>

#include "ostree/sysroot/sysroot.hh"
#include "system/etc/etc_changes.hh"

namespace osb::cli {

// The deployments of a report. The sysroot is borrowed.
struct EtcReportSubject {
    const ostree::Sysroot& sysroot;
    ostree::Deployment deployment;
    std::optional<ostree::Deployment> next;  // that the next merge goes into; nothing if none waits
};

// Lines for people. External text is escaped.
std::string describe_etc(const EtcReportSubject& subject, const system::EtcChanges& changes);
// The JSON document, in the format of to_document().
std::string etc_document(const EtcReportSubject& subject, const system::EtcChanges& changes);

}  // namespace osb::cli
