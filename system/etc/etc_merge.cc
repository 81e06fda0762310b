#include "system/etc/etc_merge.hh"

#include <algorithm>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/fd.hh"
#include "base/log.hh"
#include "system/etc/etc_apply.hh"
#include "system/etc/etc_directories.hh"
#include "system/etc/etc_plan.hh"
#include "system/etc/etc_record.hh"

namespace osb::system {
namespace {

using ostree::DeploymentId;
using ostree::Sysroot;

EtcTree etc_of(const Sysroot& sysroot, const DeploymentId& id) {
    return read_etc_tree(open_etc(sysroot, id).get(), EtcContent::unread);
}

// A plan, and the open directories that it refers to.
struct PreparedMerge {
    Fd local;
    Fd image;
    EtcPlan plan;
    std::string source;  // fingerprint

    EtcSources sources(bool takes_changed_content) const {
        return {.image = image.get(), .local = local.get(), .takes_changed_content = takes_changed_content};
    }
};

PreparedMerge prepare_merge(const Sysroot& sysroot, const DeploymentId& from, const DeploymentId& to) {
    PreparedMerge out{
        .local = open_etc(sysroot, from), .image = open_default_etc(sysroot, to), .plan = {}, .source = {}};
    const Fd before = open_default_etc(sysroot, from);
    const EtcSide local = read_etc_side(out.local.get());
    // The fingerprint of the data that was read, not of the data that is copied later. The next merge
    // includes changes between the two.
    out.source = source_fingerprint(local.tree);
    out.plan = plan_merge(read_etc_side(before.get()), local, read_etc_side(out.image.get()));
    out.plan.notes.insert(out.plan.notes.end(), local.left_out.begin(), local.left_out.end());
    return out;
}

// Files come and go in the /etc of a running system. A file that disappears before it is copied is not an
// error. `merge` gets true at the last try, because some files change all the time.
template<typename Merge>
auto with_retries(const DeploymentId& from, const DeploymentId& to, const Merge& merge) {
    constexpr int kTries = 5;
    for (int tries = 1;; ++tries) {
        try {
            return merge(tries == kTries);
        } catch (Error& error) {
            if (error.kind() == ErrorKind::not_found && tries < kTries) continue;
            error.add_context(concat("cannot merge /etc of ", from.short_text(), " into ", to.short_text()));
            throw;
        }
    }
}

// The records. They are read once, because a signal must not stop code that writes a record.
class Records {
  public:
    explicit Records(const Sysroot& sysroot) : sysroot_(sysroot), merges_(read_etc_merges(sysroot.path())) {}

    const std::vector<EtcMerge>& all() const { return merges_; }

    // Replaces the record of that deployment, and removes the records of deployments that are gone.
    void put(const EtcMerge& record) {
        std::erase_if(merges_, [&](const EtcMerge& merge) {
            return merge.deployment == record.deployment || !sysroot_.find(merge.deployment);
        });
        merges_.push_back(record);
        write_etc_merges(sysroot_.path(), merges_);
    }

    void remove(const DeploymentId& deployment) {
        std::erase_if(merges_, [&](const EtcMerge& merge) { return merge.deployment == deployment; });
        write_etc_merges(sysroot_.path(), merges_);
    }

  private:
    const Sysroot& sysroot_;
    std::vector<EtcMerge> merges_;
};

// Merges into the deployment of the record, and returns the notes. Until the new /etc is in place, the record
// has both fingerprints, so that an interrupted run is not mistaken for an edit.
std::vector<std::string> merge_into(const Sysroot& sysroot, Records& records, EtcMerge record) {
    return with_retries(record.from, record.deployment, [&](bool is_last) {
        PreparedMerge prepared = prepare_merge(sysroot, record.from, record.deployment);
        const Fd deployment = open_deployment(sysroot, record.deployment);
        EtcMerge done{.deployment = record.deployment,
                      .from = record.from,
                      .source = std::move(prepared.source),
                      .result = {}};
        const auto before_swap = [&](const std::string& result) {
            done.result = result;
            record.next_source = done.source;
            record.next_result = result;
            records.put(record);
        };
        replace_etc(deployment.get(), prepared.plan, prepared.sources(is_last), before_swap);
        records.put(done);
        return std::move(prepared.plan.notes);
    });
}

// Returns the record of a merge that was interrupted while it replaced /etc.
EtcMerge settled(const Sysroot& sysroot, EtcMerge merge) {
    if (merge.next_result.empty()) return merge;
    if (fingerprint(etc_of(sysroot, merge.deployment)) == merge.next_result) {
        return {.deployment = merge.deployment,
                .from = merge.from,
                .source = std::move(merge.next_source),
                .result = std::move(merge.next_result)};
    }
    merge.next_source.clear();
    merge.next_result.clear();
    return merge;
}

// A merge that was killed can have left a second /etc, with passwords in it, although /etc is up to date.
void clear_leftovers(const Sysroot& sysroot, const EtcMerge& merge) {
    try {
        clear_interrupted_replace(open_deployment(sysroot, merge.deployment).get());
    } catch (const Error& error) {
        log_warning(concat("cannot remove what an interrupted merge of /etc left in ",
                           merge.deployment.short_text(), ": ", error.message()));
    }
}

bool has_changed(const Sysroot& sysroot, const EtcMerge& merge) {
    return source_fingerprint(etc_of(sysroot, merge.from)) != merge.source;
}

bool is_edited(const Sysroot& sysroot, const EtcMerge& merge) {
    return merge.is_catching_up || fingerprint(etc_of(sysroot, merge.deployment)) != merge.result;
}

// The record marks this while it lasts. It is repeated after a power cut. After an error it is repeated only
// in this boot, because /etc may have changed for other reasons in the next one.
void take_over(const Sysroot& sysroot, Records& records, EtcMerge& merge, const std::string& boot_id,
               EtcMergeReport& out) {
    merge.is_started = true;
    merge.is_catching_up = true;
    merge.boot_id = boot_id;
    records.put(merge);
    try {
        out.changed = with_retries(merge.from, merge.deployment, [&](bool is_last) {
            PreparedMerge prepared = prepare_merge(sysroot, merge.from, merge.deployment);
            out.notes = std::move(prepared.plan.notes);
            merge.source = std::move(prepared.source);
            return update_etc(open_etc(sysroot, merge.deployment).get(), prepared.plan,
                              prepared.sources(is_last));
        });
    } catch (...) {
        merge.is_catching_up = false;
        merge.source.clear();
        records.put(merge);
        throw;
    }
    merge.is_catching_up = false;
    merge.boot_id.clear();
    out.result = EtcMergeResult::caught_up;
}

// Updates the running system at its first start.
EtcMergeReport catch_up(const Sysroot& sysroot, Records& records, EtcMerge merge,
                        const EtcMergeOptions& options) {
    EtcMergeReport out{.deployment = merge.deployment, .from = merge.from, .notes = {}};
    const bool is_repeated =
        merge.is_catching_up || (!merge.boot_id.empty() && merge.boot_id == options.boot_id);
    if (!sysroot.find(merge.from)) {
        out.result = EtcMergeResult::gone;
    } else if (is_repeated) {
        take_over(sysroot, records, merge, options.boot_id, out);
    } else if (has_changed(sysroot, merge)) {
        if (merge.is_started || is_edited(sysroot, merge)) {
            out.result = EtcMergeResult::edited;
        } else {
            take_over(sysroot, records, merge, options.boot_id, out);
        }
    }
    if (out.result != EtcMergeResult::gone && options.on_trial == merge.deployment) {
        merge.is_started = true;
        records.put(merge);
    } else {
        records.remove(merge.deployment);
    }
    return out;
}

EtcMergeReport merge_waiting(const Sysroot& sysroot, Records& records, const EtcMerge& merge,
                             const EtcMergeOptions& options) {
    EtcMergeReport out{.deployment = merge.deployment, .from = merge.from, .notes = {}};
    // The deployment gets its second try. Its changes to its /etc during the first one do not count.
    const bool is_second_try = merge.is_started && options.on_trial == merge.deployment;
    if (!sysroot.find(merge.from)) {
        out.result = EtcMergeResult::gone;
    } else if (merge.is_started && !is_second_try) {
        records.remove(merge.deployment);
    } else if (is_second_try || has_changed(sysroot, merge)) {
        if (!is_second_try && is_edited(sysroot, merge)) {
            out.result = EtcMergeResult::edited;
            return out;
        }
        out.notes = merge_into(sysroot, records, merge);
        out.result = EtcMergeResult::merged;
    }
    return out;
}

}  // namespace

EtcState etc_state(const Sysroot& sysroot, const DeploymentId& deployment) {
    const auto found = find_etc_merge(sysroot.path(), deployment);
    if (!found || !sysroot.find(found->from)) return EtcState::current;
    const EtcMerge merge = settled(sysroot, *found);
    if (!has_changed(sysroot, merge)) return EtcState::current;
    return !merge.is_started && is_edited(sysroot, merge) ? EtcState::edited : EtcState::pending;
}

bool is_etc_pending(const Sysroot& sysroot, const DeploymentId& deployment) {
    return etc_state(sysroot, deployment) != EtcState::current;
}

std::vector<std::string> merge_new_etc(const Sysroot& sysroot, const ostree::Deployment& from,
                                       const ostree::Deployment& made) {
    DeploymentId source = from.id;
    auto earlier = find_etc_merge(sysroot.path(), source);
    if (earlier && !earlier->is_started && !from.booted && sysroot.find(earlier->from)) {
        earlier = settled(sysroot, *earlier);
        if (!is_edited(sysroot, *earlier)) source = earlier->from;
    }
    Records records(sysroot);
    return merge_into(sysroot, records, {.deployment = made.id, .from = source, .source = {}, .result = {}});
}

std::vector<EtcMergeReport> merge_etc(const Sysroot& sysroot, const EtcMergeOptions& options) {
    std::vector<EtcMergeReport> out;
    Records records(sysroot);
    for (const EtcMerge& each : std::vector<EtcMerge>(records.all())) {
        if (!sysroot.find(each.deployment)) {
            records.remove(each.deployment);
            continue;
        }
        const bool runs = options.running == each.deployment;
        if (runs && options.is_waiting_only) continue;
        clear_leftovers(sysroot, each);
        const EtcMerge merge = settled(sysroot, each);
        out.push_back(runs ? catch_up(sysroot, records, merge, options)
                           : merge_waiting(sysroot, records, merge, options));
    }
    return out;
}

bool forget_etc_merge(const Sysroot& sysroot, const DeploymentId& deployment) {
    if (!find_etc_merge(sysroot.path(), deployment)) return false;
    const bool pending = is_etc_pending(sysroot, deployment);
    Records(sysroot).remove(deployment);
    return pending;
}

}  // namespace osb::system
