// Decider: one decision, from a subject's access and a request (S-15 to S-19).
//
// Made for one request and thrown away; confined to one thread.

#ifndef PDP_POLICY_DECIDER_H_
#define PDP_POLICY_DECIDER_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/fhir/element_set.h"
#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/resource_lookup.h"
#include "pdp/policy/complete_write.h"
#include "pdp/policy/decision.h"
#include "pdp/policy/held_references.h"
#include "pdp/policy/match_entry.h"
#include "pdp/policy/mode.h"
#include "pdp/policy/request.h"
#include "pdp/policy/subject_access.h"

namespace pdp::policy {

class Trace;

class Decider {
 public:
  // All arguments must outlive the Decider.  `trace` may be null; otherwise it
  // is told of what is tried.
  // REQUIRES: access.policy is not null.
  Decider(const SubjectAccess& access, const AccessRequest& request,
          const fhir::ResourceLookup& lookup, Mode mode,
          fhir::fhirpath::Scratch& scratch, Decision& decision,
          Trace* trace = nullptr);

  // Fills in the decision, or says which fact is missing.
  std::optional<LookupFailure> Decide();

  // What was judged, once it is decided; null where it was not looked at.
  fhir::ResourcePtr TakeResource() { return std::move(resource_); }

  // Whether the subject may read `reference`, for a Binary's security context
  // and for the profile of another member.  Fills in the decision where not.
  bool MayReadReference(std::string_view reference);
  std::optional<LookupFailure> TakeFailure() { return std::move(failure_); }

 private:
  enum class Presence {
    kLive,
    kDeleted,
    kUnknown,  // No such resource.
  };
  // Which of Medplum's two matchers a read may use (S-15).
  enum class Path { kEither, kDurableOnly };

  // Each step returns false where it ended the decision.

  // decide_read.cc
  bool IsCachedByNow() const;
  void DecideRead();
  bool FindResource();
  bool UseLookedUp(const fhir::ResourceKey& key, fhir::LookupResult found);
  fhir::LookupResult FindNewer(const fhir::Resource& sent) const;
  const fhir::ElementSet& ElementsToDecide() const;
  bool CompleteFacts(fhir::ResourcePtr& resource);
  bool Read(Path path);
  bool ReadRow(Path path);
  bool ReadTombstone();
  bool ReadPatchBase();
  bool DenyUnknown();
  bool IsReadableInMemory(EntryMatch& memory);
  const EntryMatch& ReadMatch(const fhir::Resource& resource);
  Match ReadDurably(const EntryMatch& memory, DurableEntryMatch& durable);
  Match MatchPredicate(fhir::Interaction interaction, bool medplum_asks_it,
                       DurableEntryMatch& durable);
  bool ReadSecurityContext(const fhir::Resource& binary);
  bool AddHiddenFields(const fhir::Resource& resource);
  bool AddHiddenFields(const fhir::Resource& resource,
                       std::vector<std::string_view>& hidden);

  // decide_search.cc
  void DecideSearch();
  bool MaySearchType();
  void DecideFound();

  // decide_versions.cc
  void DecideVread();
  void DecideHistory();
  bool AddHiddenFieldsOfVersions();
  void AddPossibleHiddenFields();
  bool DeletedNeedsGrant(fhir::Interaction interaction);

  // decide_references.cc
  bool CheckConditionalReferences(const fhir::Resource& result);
  bool CheckReferences(const fhir::Resource& result);
  bool CheckReference(const HeldReference& reference);

  // decide_write.cc
  void DecideCreate();
  void DecideUpdate();
  void DecideDelete();
  bool CheckSubmitted();
  bool AddDefaultProfiles();
  bool FindProtectingEntry(EntryMatch& match);
  bool MayChange(fhir::Interaction interaction, const fhir::Resource& resource,
                 EntryMatch& match);
  bool Complete(const fhir::ResourcePtr& existing,
                const BoundEntry* protecting_entry, CompletedWrite& write);
  bool MayStore(fhir::Interaction interaction, const fhir::Resource* before,
                const CompletedWrite& write);
  bool CheckConstraints(const BoundEntry& entry, const fhir::Resource* before,
                        const fhir::Resource& after);
  bool CheckPatientsOfCreated(const BoundEntry& entry,
                              const fhir::Resource& created);
  void PermitWrite(const CompletedWrite& write, uint16_t http_status);

  // decider.cc
  fhir::LookupResult LookUp(const fhir::ResourceKey& key,
                            const fhir::ElementSet& elements) const;
  const fhir::ElementSet& ElementsToMatch(std::string_view type) const;
  bool FailUntilFetched(const fhir::ResourceKey& key);
  bool CheckIds();
  bool KnowsVersion() const;
  bool CheckType();
  bool Supports(fhir::Interaction interaction);
  bool IsInReach(const fhir::Resource& resource,
                 fhir::Interaction interaction) const;
  bool Deny(Reason reason, uint16_t medplum_http_status, std::string message);
  // The note and Medplum's status are left to Reconcile() (departure.h).
  bool DenyByStrictRule(StrictRule rule, Reason reason, std::string message);
  void NoteRule(StrictRule rule);
  bool DenyError(const EntryMatch& match);
  bool Fail(LookupFailure failure);
  void Permit(const BoundEntry* entry, uint16_t medplum_http_status);
  void AddNote(NoteCode code, std::string text);
  // The fields of an entry, once each.
  bool AddFields(const BoundEntry& entry,
                 const std::vector<std::string> PolicyEntry::*list,
                 std::vector<std::string_view>& fields);
  bool HideByStrictRule(const BoundEntry& entry, StrictRule rule,
                        std::vector<std::string_view>& hidden);

  const SubjectAccess& access_;
  const AccessRequest& request_;
  const fhir::ResourceLookup& lookup_;
  const Mode mode_;
  fhir::fhirpath::Scratch& scratch_;
  Decision& decision_;
  Trace* const trace_;

  std::string_view type_;
  Presence presence_ = Presence::kUnknown;
  // The id of the request is a UUID in capitals.
  bool is_found_by_database_alone_ = false;
  // What is judged: the live resource, or the last version of a deleted one
  // (null where it is not known).
  fhir::ResourcePtr resource_;
  // What the client sends, as it is before any field is restored.
  fhir::ResourcePtr submitted_;
  // What the entries say to a read of `matched_`, which it keeps alive: another
  // at the same address would be taken for it.
  EntryMatch read_match_;
  fhir::ResourcePtr matched_;
  // The entry that made it readable, where one can be named.
  const BoundEntry* read_entry_ = nullptr;
  bool read_in_memory_ = false;
  std::optional<LookupFailure> failure_;
  int depth_ = 0;  // Of security contexts.
};

}  // namespace pdp::policy

#endif  // PDP_POLICY_DECIDER_H_
