# Every sentence of the command, in English.

# Help
help-caphub = Exchange needs, offers and training through independent hubs, with or without a network
help-exit-codes = Exit codes: 0 done, 1 failed, 2 wrong use, 3 nothing there, 4 no hub reached
help-join = Join a hub, or another one, with the file that it gave you, for example: caphub join tuvalu.caphub
help-leave = Forget a hub; your identity, your records and your other hubs stay, for example: caphub leave "Pacific Hub"
help-sync = Exchange records with your hubs: what is missing on either side moves, and goes on after a cut. On a dear or slow link: caphub sync --dry-run, then caphub sync --max-bytes 500K
help-status = Who you are, what is held here, what waits
help-offers = Offers that could serve your needs, and how to answer
help-search = Search all records held here
help-org = Show or change your organisation’s profile
help-hub = For operators of a hub, on the machine of its node
help-hub-status = What the node holds and whom it knows
help-hub-invite = Write an invitation for an organisation
help-hub-requests = Organisations that ask to join
help-hub-approve = Admit an organisation that asked
help-hub-recognise = Carry what the members of a hub write, also where it is not linked
help-hub-refuse = Refuse an organisation that asked, with a reason
help-hub-end = End an admission; says so in public first, for example: caphub hub end "Samoa CERT" --reason outside_mandate
help-hub-members = Organisations that are admitted
help-hub-card = The hub’s card: how others reach it
help-hub-link = Linked hubs
help-hub-link-add = Link another hub by its card
help-hub-link-list = Linked hubs, and what is missing and why
help-hub-link-remove = End a link
help-carry = Exchange records by hand, on a stick or as attachments: no network is needed
help-carry-out = Write what others lack to a folder, for example: caphub carry out /media/stick
help-carry-in = Take in what others wrote to a folder, for example: caphub carry in /media/stick
help-verify = Check every hash and signature held here again
help-reply = Answer a refusal in public, for example: caphub reply 5f0c2a9e "Our mandate is in Note Verbale 12/2026"
help-audit = What hubs are shown to have done by their own signed words, and what is only late, for example: caphub audit --out evidence.json
help-audit-verify = Check a file of evidence without a network; 0 all as stated, 1 something not, 3 nothing in it
help-audit-refusals = Refusals by hub, reason and count, with the replies beside them
help-completions = Completions for a shell

# Arguments
arg-home = Your folder
arg-hub-dir = The hub’s folder
arg-proxy = The proxy to reach hubs by, http://USER:PASSWORD@HOST:PORT or socks5://HOST:PORT, or none; without it what HTTPS_PROXY, ALL_PROXY and NO_PROXY say
arg-hub = A hub, by its name or the first characters of its id
arg-link-proxy = The proxy of this link alone, or none
arg-json = Print data as JSON
arg-file = A file; - for standard input
arg-name = The organisation’s name
arg-country = Country, by code or name
arg-kind = Kind, for example state or need
arg-mandate = The mandate shown, for example the reference of a Note Verbale
arg-contact = How to reach your people
arg-no-passphrase = Keep the signing key without a passphrase
arg-name-in-public = A refusal may name your organisation in public
arg-follow = Stay, and receive records as they come
arg-through = Sync through the hub of this card
arg-max-bytes = Move at most so many bytes of records, in both directions together, the newest first; with K or M for 1,024 and 1,048,576
arg-title = Title
arg-description = Description
arg-text-language = Language of title and description
arg-theme = Themes, by code
arg-region = Regions, by UN M49 code or name
arg-language = Languages, as tags such as fr
arg-urgency = Urgency
arg-offer-type = What is offered, for example training
arg-delivery-mode = How it is given, for example online
arg-from = First day, as 2027-03-01
arg-until = Last day, as 2027-03-31
arg-confirm-by = Day by which it has to be confirmed
arg-place = Place
arg-url = Web address
arg-provider = Who gives it
arg-seats = Number of seats
arg-course = The course’s id
arg-visible = Who can see it
arg-id = The first characters of its id
arg-erase = Have the text erased everywhere
arg-note = A note that others read
arg-mine = Only those of your organisation
arg-withdrawn = Withdrawn ones too
arg-words = Words
arg-limit = At most so many
arg-party = Organisation, by its id or name
arg-end = End it
arg-guest = As a guest
arg-reason = Reason, by code
arg-refusal = The first characters of the refusal’s id
arg-out = Write the file of evidence there
arg-restricted = With what is not public; for those only who may see it
arg-offline = Show what is kept, without asking anybody
arg-days = Days that it lasts
arg-card = The file with the other hub’s card
arg-folder = A folder, such as that of a stick
arg-reader = Only for this organisation: its id, or a file with its hub’s card
arg-size = Largest file, for example 25M; 1 GiB if not given
arg-shell = Which shell

# Questions
ask-organisation = Name of your organisation
ask-country = Country (empty for none)
ask-new-passphrase = Passphrase for your signing key (empty for none)
ask-passphrase = Passphrase
ask-need-title = What do you need, in one line
ask-offer-title = What do you offer, in one line
ask-title = Title
ask-description = More about it (may be empty)
ask-theme = Theme, by number or code

# Joining
recovery-sheet =

    RECOVERY SHEET: print or write down, and keep it away from this machine.
    It brings your organisation back when this machine is lost or stolen.

    organisation   { $name }
    id             { $id }
    recovery key   { $key }
join-member = You are a member of { $hub }.
join-requested = { $hub } has your request; its operator decides.
join-refused = { $hub } has refused: { $reason }. "caphub status" shows its signed word.
join-offline = { $hub } cannot be reached now. What you typed is kept; "caphub sync" goes on later.
hub-added = { $hub } is among your hubs now.
hub-left = { $hub } is no longer among your hubs; what it admitted and what came from it stays.
hub-none-left = No hub is left; "caphub join FILE" names another.

# Sync
sync-progress = { $done } of { $all } records, { $kib } KiB, { $rate } KiB a second, { $left } s left
sync-done = Synced with { $hub }: { $received } received ({ $kib } KiB), { $sent } sent.
sync-more = More is waiting; run "caphub sync" again when you can.
sync-would-receive = { $hub } would send { $entries } records of { $parties } organisations ({ $kib } KiB).
sync-would-send = { $hub } would get { $entries } records of { $parties } organisations ({ $kib } KiB) from you.
sync-refused = { $count } not taken: { $reason }
sync-following = Following { $hub }; interrupt to end.
sync-arrived = { $count } new.

# Status
status-admitted = Member of { $hub }
status-asked = { $hub } has the request and has not decided, or not synced since
status-not-asked = { $hub } has not been reached yet
status-refused = Refused by { $hub }: { $reason } { $note } (signed; answer with: caphub reply { $id } "TEXT")
status-refused-unsigned = Refused by { $hub }: { $reason } { $note } (its signed word is missing or not valid)
status-own-hub = Your own hub, { $hub }
status-no-hub = No hub: "caphub join FILE" names one
status-never-synced = Never synced
status-synced = Last sync { $when }
status-held = { $entries } entries held here
status-withheld = { $count } of them came without their content; it is asked for at each sync
status-frozen = a signing key of yours ({ $key }) has signed two histories: nothing after entry { $common } of { $feed } counts. { $hint }
status-own = Yours, { $kind }: { $count }

# Records
record-added = Signed and kept; it leaves at the next "caphub sync".
record-changed = Changed; it leaves at the next "caphub sync".
record-withdrawn = Withdrawn; hubs learn of it at the next "caphub sync".
no-records = None.
search-more = { $total } in all; --limit shows more.
offers-no-needs = You have no need yet ("caphub need add"); these offers are open to you:
offer-serves = could serve your need { $id } "{ $need }" ({ $themes })
offers-none = No offer held here shares a theme with your needs.
offers-answer = To answer one: "caphub offer show ID" has its conditions and whom to contact.
verify-done = { $entries } entries of { $feeds } sequences checked.

# Hub
hub-status =
    { $name } ({ $party })
    { $records } records in { $entries } entries; linked hubs: { $links }, members: { $members }, requests: { $requests }
    addresses: { $addresses }
    sequences that forked: { $forks }; entries whose content is missing: { $withheld }
hub-invite-no-address =
    This hub says no address at which it can be reached: whoever joins with this file cannot ask it directly. They can
    sync through another hub that is linked with it, or by carry file. To name an address: "addresses" in caphub-node.toml.
hub-approved = { $party } is admitted.
hub-recognised = { $hub } is recognised: what its members write is carried here.
hub-recognition-ended = { $hub } is no longer recognised; what came by it stays.
hub-refused = { $party } is refused, and gets the reason signed.
hub-ended = The admission of { $party } is ended; the record that says so is public.

# Audit
audit-states = answers for { $count } organisations; last at { $when } by its clock
audit-nothing-yet = has stated nothing yet, or could not be asked
audit-shown = SHOWN BY EVIDENCE: on { $held-when } it stated to hold { $held } entries of { $party }, on { $lower-when } only { $lower }; both are signed by it
audit-late = late: { $party }, { $behind } behind, for { $time }
audit-late-cut = late: { $party }, { $behind } behind, for { $time }; it says that a revocation or a fork cut them off
audit-late-more = late: { $count } organisations more (--json lists all)
audit-nothing-stated = holds nothing of { $count } lists of records that are held here: not carried there, or not yet
audit-checkpoint = history: { $size } public entries, each checkpoint continues the one before; last at { $when }
audit-checkpoint-unproven = history: what it shows does not continue { $size } public entries that it signed; unproven since { $since }
audit-checkpoint-shown = SHOWN BY EVIDENCE: it signed two histories of one log
audit-other-logs = began another log { $count } times, as after a restore
audit-unnamed = and did not name the last checkpoint of the one before
audit-moment = less than a minute
audit-minutes = { $count } min
audit-hours = { $count } h
audit-days = { $count } days
audit-fork = FORKED, shown by evidence: a signing key of { $party } signed two histories; what follows entry { $entry } does not count
audit-nothing-shown = nothing is shown against it
audit-written = The evidence is in { $path }; anybody can check it: caphub audit verify { $path }
evidence-shown = SHOWN: its own signed statements contradict each other
evidence-two-histories = SHOWN: it signed two histories of one log
evidence-fork = SHOWN: one key signed two histories
evidence-late = late: no evidence of anything
evidence-not-shown = not shown ({ $reason })
evidence-sum = { $count } of { $all } items show something.
refusals-group = { $hub }: { $what }, { $reason }: { $count }
refusals-reply = { $party } replies: { $text }
refusals-none = No refusals are held here.
nobody = Nobody.
no-links = No hub is linked.
link-added = { $hub } is linked.
link-confirmed = its identity is confirmed by { $by }
link-unconfirmed = its identity is not confirmed yet by another linked hub
link-removed = The link with { $hub } is ended.
link-moved = { $received } received, { $sent } sent

# Carry files
carry-progress = { $done } of { $all } entries, { $kib } KiB
carry-for-all = For whoever has the files: public records only.
carry-for = For { $name }, which stated what it holds at { $when }.
carry-for-unstated = For { $name }; it has not stated here what it holds, so all that it may read is written.
carry-for-unknown = { $name } is not known here: it gets public records only.
carry-out-done = { $entries } entries written to { $files } files ({ $kib } KiB).
carry-out-dry = { $entries } entries ({ $kib } KiB) would be written.
carry-out-nothing = Nothing lacks there: nothing is written.
carry-proofs = Proofs that a sequence forked: { $count }
carry-left = { $entries } entries of { $feeds } sequences do not fit { $path }; the newest sequences went first.
carry-withheld = { $feeds } sequences stay here: not every reader may read them. "--for" writes for one.
carry-arrived = { $name } has arrived and can be deleted.
carry-bearer = Who has these files can read them: give them to those they are for.
carry-from = { $name }: { $entries } entries from { $author } ({ $party }).
carry-from-unknown = { $name }: { $entries } entries; whether { $author } ({ $party }) wrote the file is not known here. Entries prove themselves.
carry-from-nobody = { $name }: { $entries } entries; who wrote the file cannot be read. Entries prove themselves.
carry-in-done = { $stored } entries are new here; { $known } were held already.
carry-in-dry = Nothing was taken in: this was a dry run.
carry-fault = { $name }: { $why }
carry-missing = Missing: { $name }
carry-holds = { $name } states what is held here: the next "carry out" to this folder writes just what lacks.
carry-no-holds = What is held here could not be stated in the folder: it cannot be written.

# Errors
error-behind = signing would go behind what was signed before
error-carry = the folder cannot be carried
error-carry-for = "{ $party }" is neither an organisation’s id nor a file with a hub’s card
error-carry-full = the folder is full
error-carry-incomplete = { $count } files are missing or not whole; all that is whole was taken in
error-carry-nothing = there is no carry file in { $path }
error-carry-size = "{ $size }" is no size of a carry file
error-clock = this machine’s clock and the hub’s differ
error-cut = the connection ended
error-fields = the record does not fit
error-file = { $path } cannot be read or written
error-hub-key = this is not the hub that was expected
error-hub-says = the hub says no
error-hub-joined-already = { $hub } is among your hubs already
error-invalid = the record is not valid
error-invitation-ended = the invitation of { $hub } has ended
error-joined-already = { $name } has already joined from this folder
error-key = the signing key cannot be used
error-kind = this kind of record is not written by hand
error-locked = another program is using this folder
error-many-hubs = 16 hubs are the most that one organisation keeps
error-many-records = more than one record begins with { $id }
error-me = the member’s file is damaged
error-name-needed = the organisation needs a name
error-no-applicant = nobody asked under "{ $party }"
error-no-card = no hub is known here
error-no-country = no country "{ $country }"
error-no-hub = { $hub } cannot be reached
error-no-link = no linked hub "{ $party }"
error-no-member = no member "{ $party }"
error-no-evidence = the file holds nothing that could be shown
error-not-evidence = { $path } is no file of evidence
error-not-shown = { $count } items are not what the file says
error-no-node = no node answers at { $path }
error-no-profile = the organisation has no profile here
error-no-record = no record begins with { $id }
error-no-region = no region "{ $region }"
error-not-card = the file is no hub’s card
error-not-invitation = the file is neither an invitation nor a hub’s card
error-not-joined = nobody has joined a hub from this folder
error-not-utf8 = { $path } is not UTF-8 text
error-not-your-hub = "{ $hub }" is none of your hubs
error-not-yours = { $id } belongs to another organisation
error-parse = { $path } is neither TOML nor JSON
error-party-kind = no kind of organisation "{ $kind }"
error-passphrase-needed = the signing key needs its passphrase
error-passphrase-wrong = the passphrase is wrong
error-proxy = the proxy cannot be used
error-record-id = "{ $id }" is no id
error-frozen = this machine’s signing key has signed two histories, and hubs have the proof
error-refused = what was signed is refused
error-sign = signing failed
error-store = the store in this folder cannot be used
error-terminal = the terminal cannot be read
error-title-needed = a title is needed
error-verify = { $count } places do not fit
error-views = what is derived from the records cannot be read

# Hints
hint-ask-again = ask the hub’s operator for the file again
hint-frozen = make another key, and revoke this one from the folder whose history shall count: caphub key add LABEL, then caphub key revoke OLD-KEY --reason forked, then caphub sync
hint-behind = sync first; if this folder came from a backup, make another signing key
hint-card = the other hub’s operator prints it with "caphub hub card"
hint-carry = somebody on the way steps in; try another network or a proxy (--proxy), or take records by hand: "caphub carry out FOLDER"
hint-carry-folder = look at the folder and its rights, or name another; what is finished there stays
hint-carry-for = the id begins with cap1; a hub’s operator prints the card with "caphub hub card"
hint-carry-full = make room, and run the same command again: it goes on with what is missing
hint-carry-incomplete = ask for these files again; taking files in twice changes nothing
hint-carry-nothing = the other side writes them there with "caphub carry out FOLDER"
hint-carry-size = give at least 3M, for example 25M or 4G
hint-country = give a code such as TV, or a name in one of the six UN languages
hint-fields = "--json" with "show" prints a record with its fields
hint-join = join with the file that a hub gave you: caphub join FILE
hint-hub-joined-already = a newer card or invitation of it would be taken; use --home FOLDER for another organisation
hint-status = "caphub status" lists your hubs
hint-joined-already = use --home FOLDER for another organisation
hint-locked = wait until it ends, or use --home FOLDER
hint-longer-id = type more of its characters
hint-name-needed = give --name
hint-no-node = start it with "caphub-node run", or name its folder with --hub-dir
hint-offline = everything can be written without a network; "caphub sync" sends it later
hint-passphrase = set CAPHUB_PASSPHRASE, or run it in a terminal
hint-proxy = name the proxy with --proxy or CAPHUB_PROXY, as http://USER:PASSWORD@HOST:PORT or socks5://HOST:PORT; "none" goes without
hint-record-id = type at least four characters of the id that lists show
hint-region = give a UN M49 code such as 009, or a name
hint-resume = run "caphub sync" again: it goes on where it was
hint-sync-first = "caphub sync" may bring it
hint-title-needed = give --title, or --file

# Demo
help-demo = Three hubs and three states on this machine: see an exchange work, then try it
arg-exit = End when the story is told
demo-hub = { $name } is up at { $address }.
demo-linked = The three hubs are linked.
demo-by-invitation = by invitation
demo-by-approval = by approval of its request
demo-joined = { $name } joined { $hub }, { $how }.
demo-published = { $name } published { $count } records through its hub.
demo-same = All three hubs hold the same { $count } records.
demo-search = "{ $query }" at { $hub }: { $count } found.
demo-cut = { $hub } is cut off.
demo-goes-on = Meanwhile { $name } published a need through { $from }, and { $to } has it.
demo-caught-up = { $hub } is back and has caught up.
demo-row = { $name }: { $records } records, { $links } linked hubs
demo-took = Done in { $seconds } s.
demo-try =
    The hubs stay up until you interrupt. In another window, try:
      caphub --home { $home } offers
      caphub --home { $home } search incident
      caphub --hub-dir { $hub } hub link list
error-demo = the demo cannot go on
error-demo-differs = the hubs do not hold the same records
error-sample = the sample catalogue is damaged

# Commands for records
help-need = Add, change, list, show or withdraw needs
help-need-add = Write a need: by answering questions, by options, or from a file
help-need-edit = Change a need of yours
help-need-list = List needs
help-need-show = Show a need in full
help-need-withdraw = Withdraw a need of yours
help-offer = Add, change, list, show or withdraw offers
help-offer-add = Write an offer: by answering questions, by options, or from a file
help-offer-edit = Change an offer of yours
help-offer-list = List offers
help-offer-show = Show an offer in full
help-offer-withdraw = Withdraw an offer of yours
help-course = Add, change, list, show or withdraw courses
help-course-add = Write a course: by answering questions, by options, or from a file
help-course-edit = Change a course of yours
help-course-list = List courses
help-course-show = Show a course in full
help-course-withdraw = Withdraw a course of yours
help-session = Add, change, list, show or withdraw sessions
help-session-add = Write a session of a course: by answering questions, by options, or from a file
help-session-edit = Change a session of a course of yours
help-session-list = List sessions
help-session-show = Show a session of a course in full
help-session-withdraw = Withdraw a session of a course of yours

# Import and export
help-import = Import records from schema.org JSON-LD, CSV or an export; a second import adds nothing
help-export = Write records to a file that others can read and import
arg-files = Files; - for standard input
arg-dry-run = Show what would be done, and do nothing
arg-licence = Licence of records that state none
arg-source = Name of the catalogue; the file’s name if not given
arg-map = Which field a column is, as COLUMN=FIELD; - leaves it out
arg-format = json-ld, csv or json
import-add = add
import-change = change
import-same = same
import-skip = skip
import-file = { $path }: { $present } found: { $add } to add, { $change } to change, { $same } held already, { $skip } skipped.
import-no-items = It holds no schema.org Course, LearningResource, CourseInstance or Event, and no row.
import-not-carried = No place in our records for: { $names }
import-dry-run = Nothing was changed: this was a dry run.
import-other-kind = its type is { $type }; import it with --as { $kind }
import-no-record = it holds no record
import-no-title = it has no title
import-no-start = it has no start date
import-bad-date = { $field } "{ $text }" is not a date such as 2027-03-31 or 2027-03-31T09:00:00Z
import-empty-row = the row is empty
import-row-width = the row has { $found } cells where the header has { $expected }
import-short-row = the row has { $found } cells where the header has { $expected }; the rest counts as empty
import-twice = it has the same identifier as { $at }
import-invalid = { $problem }
import-too-large = it has { $found } bytes, more than a record can hold
import-withdrawn = it was withdrawn here
import-left-language = language "{ $text }" left out: no language tag
import-left-country = country "{ $text }" left out: not known
import-left-zone = time zone "{ $text }" is not known here; times are kept as local
error-import = { $path } cannot be imported
error-import-kind = there is no import or export of "{ $kind }": course, session, offer or need
error-map = --map takes COLUMN=FIELD
error-format = no format "{ $format }": json-ld, csv or json
error-export = the records cannot be written
hint-import = it takes schema.org JSON-LD, CSV with a header, and files of "caphub export"; nothing was imported

# Signing keys
help-key = Signing keys: list, add, revoke, rotate, back up, recover
help-key-list = Signing keys of your organisation
help-key-add = Make another signing key, for another person or machine
help-key-revoke = Take a signing key back; what it signed and is held here still counts, also where it signed two histories. Example: caphub key revoke "second desk" --reason forked
help-key-rotate = Replace the keys that stand behind the signing keys
help-key-backup = Write a file, under a passphrase, that brings your organisation back
help-key-recover = Bring your organisation back on a new machine, with a backup or the recovery sheet
arg-label = Whose it is, or where
arg-to = Folder to make for it; without, this machine changes to the new key
arg-common = Where it signed two histories, count only what both share
arg-key = A signing key, by its label or the first characters
arg-recover-file = A backup, or your hub’s card or invitation
arg-organisation = The id on the recovery sheet
arg-recovery-key = The recovery key on the sheet; asked for if not given
ask-recovery-key = Recovery key, as on the sheet
ask-backup-passphrase = Passphrase of the backup
key-here = this machine
key-revoked = revoked
key-added = { $label } can sign once both have synced: "caphub sync" here, then "caphub --home { $folder } sync".
key-added-here = This machine signs with the new key; hubs learn of it at the next "caphub sync". The old key stays valid until "caphub key revoke".
key-branch = Of the two histories that it signed, the one held here counts, up to entry { $seq } (sequence { $feed }).
key-common = Of the two histories that it signed, only what they share counts, up to entry { $seq } (sequence { $feed }).
key-taken-back = { $label } is revoked; hubs learn of it at the next "caphub sync".
key-rotated = The keys behind the signing keys are replaced; hubs learn of it at the next "caphub sync". Older backups no longer help.
key-backed-up = { $path } brings the organisation back, with its passphrase: keep both, away from this machine and from each other.
key-recovered = { $name } is back. Keys of lost machines still sign: "caphub key list", then "caphub key revoke".
error-no-key = no signing key "{ $key }"
error-many-keys = more than one signing key fits "{ $key }"
error-no-root = the keys that stand behind the signing keys are not in this folder
error-reason = no reason "{ $reason }": unstated, lost, stolen, replaced, forked or person_left
error-last-key = this is the key of this machine, which could not sign any more
error-identity = the identity event was refused
error-recovery-key = this is not the recovery key of { $party }
error-backup-old = the keys in this backup were replaced since
error-backup-passphrase = a backup needs a passphrase
error-organisation-needed = the organisation’s id is needed
error-unknown-organisation = { $party } is not known at { $hub }
hint-no-root = run it in the folder of the machine that joined, or use the recovery sheet: caphub key recover
hint-last-key = make another one first: caphub key add LABEL
hint-recover = the recovery sheet has the organisation’s id and the recovery key
