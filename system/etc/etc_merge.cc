#include "system/etc/etc_merge.hh"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/fd.hh"
#include "base/log.hh"
#include "system/etc/etc_apply.hh"
#include "system/etc/etc_plan.hh"
#include "system/etc/etc_record.hh"

namespace osb::system {
namespace {

using ostree::DeploymentId;
using ostree::Sysroot;

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

Fd open_deployment(const Sysroot& sysroot, const DeploymentId& id) {
    return open_at(AT_FDCWD, sysroot.path_of(id.path()), kDirectoryFlags);
}

Fd open_etc(const Sysroot& sysroot, const DeploymentId& id) {
    return open_at(open_deployment(sysroot, id).get(), "etc", kDirectoryFlags);
}

Fd open_default_etc(const Sysroot& sysroot, const DeploymentId& id) {
    const Fd usr = open_at(open_deployment(sysroot, id).get(), "usr", kDirectoryFlags);
    return open_at(usr.get(), "etc", kDirectoryFlags);
}

std::string fingerprint_of(const Sysroot& sysroot, const DeploymentId& id) {
    return fingerprint(read_etc_tree(open_etc(sysroot, id).get(), EtcContent::unread));
}

// A plan, and the open directories that it is made from.
struct PreparedMerge {
    Fd local;
    Fd image;
    EtcPlan plan;
    std::string source;  // fingerprint

    EtcSources sources() const { return {.image = image.get(), .local = local.get()}; }
};

PreparedMerge prepare_merge(const Sysroot& sysroot, const DeploymentId& from, const DeploymentId& to) {
    PreparedMerge out{
        .local = open_etc(sysroot, from), .image = open_default_etc(sysroot, to), .plan = {}, .source = {}};
    const Fd before = open_default_etc(sysroot, from);
    const EtcSide local = read_etc_side(out.local.get());
    // Of what was read, not of what is copied later: what changes in between is merged the next time.
    out.source = fingerprint(local.tree);
    out.plan = plan_merge(read_etc_side(before.get()), local, read_etc_side(out.image.get()));
    return out;
}

// Files come and go in the /etc of a running system: one that is gone when it is to be copied is no fault.
template<typename Merge>
auto with_retries(const DeploymentId& from, const DeploymentId& to, const Merge& merge) {
    constexpr int kTries = 5;
    for (int tries = 1;; ++tries) {
        try {
            return merge();
        } catch (Error& error) {
            if (error.kind() == ErrorKind::not_found && tries < kTries) continue;
            error.add_context(concat("cannot merge /etc of ", from.short_text(), " into ", to.short_text()));
            throw;
        }
    }
}

struct MergedEtc {
    EtcMerge record;
    std::vector<std::string> notes;
};

MergedEtc merge_into(const Sysroot& sysroot, const DeploymentId& from, const DeploymentId& to) {
    return with_retries(from, to, [&] {
        PreparedMerge prepared = prepare_merge(sysroot, from, to);
        const Fd deployment = open_deployment(sysroot, to);
        std::string result = replace_etc(deployment.get(), prepared.plan, prepared.sources());
        return MergedEtc{.record = {.deployment = to,
                                    .from = from,
                                    .source = std::move(prepared.source),
                                    .result = std::move(result)},
                         .notes = std::move(prepared.plan.notes)};
    });
}

// Replaces the record of that deployment, and forgets those of deployments that are gone.
void set_record(const Sysroot& sysroot, const EtcMerge& record) {
    std::vector<EtcMerge> merges = read_etc_merges(sysroot.path());
    std::erase_if(merges, [&](const EtcMerge& merge) {
        return merge.deployment == record.deployment || !sysroot.find(merge.deployment);
    });
    merges.push_back(record);
    write_etc_merges(sysroot.path(), std::move(merges));
}

void remove_record(const Sysroot& sysroot, const DeploymentId& deployment) {
    std::vector<EtcMerge> merges = read_etc_merges(sysroot.path());
    std::erase_if(merges, [&](const EtcMerge& merge) { return merge.deployment == deployment; });
    write_etc_merges(sysroot.path(), std::move(merges));
}

bool has_changed(const Sysroot& sysroot, const EtcMerge& merge) {
    return fingerprint_of(sysroot, merge.from) != merge.source;
}

// The first start of what runs.
EtcMergeReport catch_up(const Sysroot& sysroot, EtcMerge merge) {
    EtcMergeReport out{.deployment = merge.deployment, .from = merge.from, .notes = {}};
    if (!sysroot.find(merge.from)) {
        out.result = EtcMergeResult::gone;
    } else if (merge.is_catching_up || has_changed(sysroot, merge)) {
        merge.is_catching_up = true;
        set_record(sysroot, merge);
        out.changed = with_retries(merge.from, merge.deployment, [&] {
            PreparedMerge prepared = prepare_merge(sysroot, merge.from, merge.deployment);
            out.notes = std::move(prepared.plan.notes);
            return update_etc(open_etc(sysroot, merge.deployment).get(), prepared.plan, prepared.sources());
        });
        out.result = EtcMergeResult::caught_up;
    }
    remove_record(sysroot, merge.deployment);
    return out;
}

EtcMergeReport merge_waiting(const Sysroot& sysroot, const EtcMerge& merge) {
    EtcMergeReport out{.deployment = merge.deployment, .from = merge.from, .notes = {}};
    if (!sysroot.find(merge.from)) {
        out.result = EtcMergeResult::gone;
    } else if (has_changed(sysroot, merge)) {
        if (merge.is_catching_up || fingerprint_of(sysroot, merge.deployment) != merge.result) {
            // It was started by a system that keeps no record, or edited by hand.
            out.result = EtcMergeResult::edited;
            return out;
        }
        MergedEtc merged = merge_into(sysroot, merge.from, merge.deployment);
        set_record(sysroot, merged.record);
        out.notes = std::move(merged.notes);
        out.result = EtcMergeResult::merged;
    }
    return out;
}

}  // namespace

bool is_etc_pending(const Sysroot& sysroot, const DeploymentId& deployment) {
    const auto merge = find_etc_merge(sysroot.path(), deployment);
    return merge && sysroot.find(merge->from) && has_changed(sysroot, *merge);
}

std::vector<std::string> merge_new_etc(const Sysroot& sysroot, const ostree::Deployment& from,
                                       const ostree::Deployment& made) {
    DeploymentId source = from.id;
    const auto earlier = find_etc_merge(sysroot.path(), source);
    const bool waits = earlier && !from.booted && sysroot.find(earlier->from);
    if (waits && fingerprint_of(sysroot, source) == earlier->result) source = earlier->from;
    MergedEtc merged = merge_into(sysroot, source, made.id);
    set_record(sysroot, merged.record);
    return std::move(merged.notes);
}

std::vector<EtcMergeReport> merge_etc(const Sysroot& sysroot) {
    std::vector<EtcMergeReport> out;
    const auto booted = sysroot.booted();
    for (const EtcMerge& merge : read_etc_merges(sysroot.path())) {
        if (!sysroot.find(merge.deployment)) {
            remove_record(sysroot, merge.deployment);
            continue;
        }
        const bool runs = booted && booted->id == merge.deployment;
        out.push_back(runs ? catch_up(sysroot, merge) : merge_waiting(sysroot, merge));
    }
    return out;
}

bool forget_etc_merge(const Sysroot& sysroot, const DeploymentId& deployment) {
    if (!find_etc_merge(sysroot.path(), deployment)) return false;
    const bool pending = is_etc_pending(sysroot, deployment);
    remove_record(sysroot, deployment);
    return pending;
}

}  // namespace osb::system
