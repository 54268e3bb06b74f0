# Every sentence of the command, in French.

# Help
help-caphub = Échanger besoins, offres et formations par des hubs indépendants, avec ou sans réseau
help-exit-codes = Codes de sortie : 0 fait, 1 échec, 2 mauvais usage, 3 rien trouvé, 4 aucun hub joint
help-join = Rejoindre un hub, ou un autre encore, avec le fichier qu’il vous a remis, par exemple : caphub join tuvalu.caphub
help-leave = Oublier un hub ; votre identité, vos fiches et vos autres hubs restent, par exemple : caphub leave "Pacific Hub"
help-sync = Échanger les fiches avec vos hubs : ce qui manque d’un côté ou de l’autre est transmis, et reprend après une coupure. Sur une liaison chère ou lente : caphub sync --dry-run, puis caphub sync --max-bytes 500K
help-status = Qui vous êtes, ce qui est ici, ce qui attend
help-offers = Offres qui pourraient répondre à vos besoins, et comment y répondre
help-search = Chercher dans toutes les fiches conservées ici
help-org = Montrer ou modifier le profil de votre organisation
help-hub = Pour les opérateurs d’un hub, sur la machine de son nœud
help-hub-status = Ce que le nœud conserve et qui il connaît
help-hub-invite = Rédiger une invitation pour une organisation
help-hub-requests = Organisations qui demandent à adhérer
help-hub-approve = Admettre une organisation qui l’a demandé
help-hub-recognise = Relayer ce qu’écrivent les membres d’un hub, même s’il n’est pas lié
help-hub-refuse = Refuser une organisation qui a demandé, avec un motif
help-hub-end = Mettre fin à une admission ; le dit d’abord en public, par exemple : caphub hub end "Samoa CERT" --reason outside_mandate
help-hub-members = Organisations admises
help-hub-card = La carte du hub : comment d’autres le joignent
help-hub-link = Hubs liés
help-hub-link-add = Lier un autre hub par sa carte
help-hub-link-list = Hubs liés, ce qui manque et pourquoi
help-hub-link-remove = Mettre fin à un lien
help-carry = Échanger des fiches de la main à la main, sur une clé USB ou en pièces jointes : sans réseau
help-carry-out = Écrire dans un dossier ce qui manque aux autres, par exemple : caphub carry out /media/cle
help-carry-in = Prendre ce que d’autres ont écrit dans un dossier, par exemple : caphub carry in /media/cle
help-verify = Vérifier à nouveau chaque empreinte et signature conservée ici
help-reply = Répondre en public à un refus, par exemple : caphub reply 5f0c2a9e "Notre mandat figure dans la note verbale 12/2026"
help-audit = Ce que les hubs ont fait d’après leurs propres mots signés, et ce qui n’est qu’en retard, par exemple : caphub audit --out preuves.json
help-audit-verify = Vérifier un fichier de preuves sans réseau ; 0 tout est comme indiqué, 1 quelque chose ne l’est pas, 3 rien dedans
help-audit-refusals = Refus par hub, motif et nombre, avec les réponses à côté
help-completions = Complétions pour un interpréteur de commandes

# Arguments
arg-home = Votre dossier
arg-hub-dir = Le dossier du hub
arg-proxy = Le mandataire pour joindre les hubs, http://UTILISATEUR:SECRET@HÔTE:PORT ou socks5://HÔTE:PORT, ou none ; sinon ce que disent HTTPS_PROXY, ALL_PROXY et NO_PROXY
arg-hub = Un hub, par son nom ou les premiers caractères de son identifiant
arg-link-proxy = Le mandataire de ce seul lien, ou none
arg-json = Afficher les données en JSON
arg-file = Un fichier ; - pour l’entrée standard
arg-name = Le nom de l’organisation
arg-country = Pays, par code ou nom
arg-kind = Type, par exemple state ou need
arg-mandate = Le mandat présenté, par exemple la référence d’une note verbale
arg-contact = Comment joindre votre équipe
arg-no-passphrase = Garder la clé de signature sans phrase secrète
arg-name-in-public = Un refus peut nommer publiquement votre organisation
arg-follow = Rester, et recevoir les fiches à leur arrivée
arg-through = Synchroniser par le hub de cette carte
arg-max-bytes = Transmettre au plus ce nombre d’octets de fiches, dans les deux sens ensemble, les plus récentes d’abord ; K ou M pour 1 024 et 1 048 576
arg-title = Titre
arg-description = Description
arg-text-language = Langue du titre et de la description
arg-theme = Thèmes, par code
arg-region = Régions, par code M49 de l’ONU ou nom
arg-language = Langues, comme fr
arg-urgency = Urgence
arg-offer-type = Ce qui est offert, par exemple training
arg-delivery-mode = Comment c’est donné, par exemple online
arg-from = Premier jour, comme 2027-03-01
arg-until = Dernier jour, comme 2027-03-31
arg-confirm-by = Jour avant lequel il faut confirmer
arg-place = Lieu
arg-url = Adresse web
arg-provider = Qui le donne
arg-seats = Nombre de places
arg-course = L’identifiant du cours
arg-visible = Qui peut le voir
arg-id = Les premiers caractères de son identifiant
arg-erase = Faire effacer le texte partout
arg-note = Une note que d’autres lisent
arg-mine = Seulement ceux de votre organisation
arg-withdrawn = Aussi ceux qui sont retirés
arg-words = Mots
arg-limit = Au plus autant
arg-party = Organisation, par identifiant ou nom
arg-end = Y mettre fin
arg-guest = Comme invité
arg-reason = Motif, par code
arg-refusal = Les premiers caractères de l’identifiant du refus
arg-out = Écrire le fichier de preuves à cet endroit
arg-restricted = Avec ce qui n’est pas public ; uniquement pour qui peut le voir
arg-offline = Montrer ce qui est conservé, sans rien demander à personne
arg-days = Durée en jours
arg-card = Le fichier avec la carte de l’autre hub
arg-folder = Un dossier, tel que celui d’une clé USB
arg-reader = Seulement pour cette organisation : son identifiant, ou un fichier avec la carte de son hub
arg-size = Taille maximale d’un fichier, par exemple 25M ; 1 Gio par défaut
arg-shell = Quel interpréteur

# Questions
ask-organisation = Nom de votre organisation
ask-country = Pays (vide si aucun)
ask-new-passphrase = Phrase secrète pour votre clé de signature (vide si aucune)
ask-passphrase = Phrase secrète
ask-need-title = De quoi avez-vous besoin, en une ligne
ask-offer-title = Que proposez-vous, en une ligne
ask-title = Titre
ask-description = Précisions (peut rester vide)
ask-theme = Thème, par numéro ou code

# Joining
recovery-sheet =

    FICHE DE RÉCUPÉRATION : à imprimer ou recopier, et à garder loin de cette machine.
    Elle rétablit votre organisation si cette machine est perdue ou volée.

    organisation         { $name }
    identifiant          { $id }
    clé de récupération  { $key }
join-member = Vous êtes membre de { $hub }.
join-requested = { $hub } a votre demande ; son opérateur décide.
join-refused = { $hub } a refusé : { $reason }. « caphub status » montre sa déclaration signée.
join-offline = { $hub } est injoignable pour le moment. Votre saisie est gardée ; « caphub sync » reprendra plus tard.
hub-added = { $hub } est désormais l’un de vos hubs.
hub-left = { $hub } n’est plus l’un de vos hubs ; ce qu’il a admis et ce qui en est venu reste.
hub-none-left = Il ne reste aucun hub ; « caphub join FICHIER » en nomme un autre.

# Sync
sync-progress = { $done } fiches sur { $all }, { $kib } Kio, { $rate } Kio par seconde, encore { $left } s
sync-done = Synchronisé avec { $hub } : { $received } reçues ({ $kib } Kio), { $sent } envoyées.
sync-more = Il reste à transmettre ; relancez « caphub sync » dès que possible.
sync-would-receive = { $hub } enverrait { $entries } fiches de { $parties } organisations ({ $kib } Kio).
sync-would-send = { $hub } recevrait de vous { $entries } fiches de { $parties } organisations ({ $kib } Kio).
sync-refused = { $count } non acceptées : { $reason }
sync-following = Suivi de { $hub } ; interrompre pour terminer.
sync-arrived = { $count } nouvelles.

# Status
status-admitted = Membre de { $hub }
status-asked = { $hub } a la demande et n’a pas décidé, ou pas de synchronisation depuis
status-not-asked = { $hub } n’a pas encore été joint
status-refused = Refusé par { $hub } : { $reason } { $note } (signé ; répondre par : caphub reply { $id } "TEXTE")
status-refused-unsigned = Refusé par { $hub } : { $reason } { $note } (sa déclaration signée manque ou n’est pas valable)
status-own-hub = Votre propre hub, { $hub }
status-no-hub = Aucun hub : « caphub join FICHIER » en nomme un
status-never-synced = Jamais synchronisé
status-synced = Dernière synchronisation { $when }
status-held = { $entries } entrées conservées ici
status-withheld = { $count } d’entre elles sont venues sans leur contenu ; il est redemandé à chaque synchronisation
status-frozen = une de vos clés de signature ({ $key }) a signé deux histoires : rien ne compte après l’entrée { $common } de { $feed }. { $hint }
status-own = Les vôtres, { $kind } : { $count }

# Records
record-added = Signé et gardé ; part au prochain « caphub sync ».
record-changed = Modifié ; part au prochain « caphub sync ».
record-withdrawn = Retiré ; les hubs l’apprendront au prochain « caphub sync ».
no-records = Aucun.
search-more = { $total } en tout ; --limit en montre plus.
offers-no-needs = Vous n’avez pas encore de besoin (« caphub need add ») ; ces offres vous sont ouvertes :
offer-serves = pourrait répondre à votre besoin { $id } « { $need } » ({ $themes })
offers-none = Aucune offre conservée ici ne partage un thème avec vos besoins.
offers-answer = Pour y répondre : « caphub offer show ID » donne ses conditions et le contact.
verify-done = { $entries } entrées de { $feeds } suites vérifiées.

# Hub
hub-status =
    { $name } ({ $party })
    { $records } fiches en { $entries } entrées ; hubs liés : { $links }, membres : { $members }, demandes : { $requests }
    adresses : { $addresses }
    suites bifurquées : { $forks } ; entrées dont le contenu manque : { $withheld }
hub-invite-no-address =
    Ce hub n’indique aucune adresse où le joindre : qui adhère avec ce fichier ne peut pas l’interroger directement. La
    synchronisation passe alors par un autre hub lié, ou par fichiers portés. Pour en nommer une : « addresses » dans caphub-node.toml.
hub-approved = { $party } est admis.
hub-recognised = { $hub } est reconnu : ce que ses membres écrivent est relayé ici.
hub-recognition-ended = { $hub } n’est plus reconnu ; ce qui est venu de lui reste.
hub-refused = { $party } est refusé, et reçoit le motif signé.
hub-ended = L’admission de { $party } a pris fin ; l’enregistrement qui le dit est public.

# Audit
audit-states = répond pour { $count } organisations ; en dernier le { $when } à son horloge
audit-nothing-yet = n’a encore rien déclaré, ou n’a pas pu être interrogé
audit-shown = MONTRÉ PAR PREUVE : le { $held-when } il a déclaré { $held } entrées de { $party }, le { $lower-when } seulement { $lower } ; les deux sont signés par lui
audit-late = en retard : { $party }, de { $behind }, depuis { $time }
audit-late-cut = en retard : { $party }, de { $behind }, depuis { $time } ; il dit qu’une révocation ou une bifurcation les a coupées
audit-late-more = en retard : { $count } organisations de plus (--json les montre toutes)
audit-nothing-stated = ne détient rien de { $count } listes de fiches qui sont ici : non transportées là-bas, ou pas encore
audit-checkpoint = histoire : { $size } entrées publiques, chaque point de contrôle continue le précédent ; le dernier du { $when }
audit-checkpoint-unproven = histoire : ce qu’il montre ne continue pas { $size } entrées publiques qu’il a signées ; sans preuve depuis le { $since }
audit-checkpoint-shown = MONTRÉ PAR PREUVE : il a signé deux histoires d’un même journal
audit-other-logs = a commencé un autre journal { $count } fois, comme après une restauration
audit-unnamed = et n’a pas nommé le dernier point de contrôle du précédent
audit-moment = moins d’une minute
audit-minutes = { $count } min
audit-hours = { $count } h
audit-days = { $count } jours
audit-fork = BIFURQUÉ, montré par preuve : une clé de signature de { $party } a signé deux histoires ; ce qui suit l’entrée { $entry } ne compte pas
audit-nothing-shown = rien n’est montré contre lui
audit-written = Les preuves sont dans { $path } ; chacun peut les vérifier : caphub audit verify { $path }
evidence-shown = MONTRÉ : ses propres déclarations signées se contredisent
evidence-two-histories = MONTRÉ : il a signé deux histoires d’un même journal
evidence-fork = MONTRÉ : une même clé a signé deux histoires
evidence-late = en retard : preuve de rien
evidence-not-shown = non montré ({ $reason })
evidence-sum = { $count } éléments sur { $all } montrent quelque chose.
refusals-group = { $hub } : { $what }, { $reason } : { $count }
refusals-reply = { $party } répond : { $text }
refusals-none = Aucun refus n’est conservé ici.
nobody = Personne.
no-links = Aucun hub n’est lié.
link-added = { $hub } est lié.
link-confirmed = son identité est confirmée par { $by }
link-unconfirmed = son identité n’est pas encore confirmée par un autre hub lié
link-removed = Le lien avec { $hub } est terminé.
link-moved = { $received } reçues, { $sent } envoyées

# Carry files
carry-progress = { $done } entrées sur { $all }, { $kib } Kio
carry-for-all = Pour quiconque a les fichiers : fiches publiques seulement.
carry-for = Pour { $name }, qui a indiqué ce qu’il détient le { $when }.
carry-for-unstated = Pour { $name } ; il n’a pas indiqué ici ce qu’il détient : tout ce qu’il peut lire est écrit.
carry-for-unknown = { $name } n’est pas connu ici : il ne reçoit que les fiches publiques.
carry-out-done = { $entries } entrées écrites dans { $files } fichiers ({ $kib } Kio).
carry-out-dry = { $entries } entrées ({ $kib } Kio) seraient écrites.
carry-out-nothing = Rien ne manque là-bas : rien n’est écrit.
carry-proofs = Preuves qu’une suite a bifurqué : { $count }
carry-left = { $entries } entrées de { $feeds } suites ne tiennent pas dans { $path } ; les suites les plus récentes sont passées d’abord.
carry-withheld = { $feeds } suites restent ici : tous les lecteurs n’y ont pas droit. « --for » écrit pour un seul.
carry-arrived = { $name } est arrivé et peut être supprimé.
carry-bearer = Qui a ces fichiers peut les lire : ne les donnez qu’à leurs destinataires.
carry-from = { $name } : { $entries } entrées de { $author } ({ $party }).
carry-from-unknown = { $name } : { $entries } entrées ; on ne sait pas ici si { $author } ({ $party }) a écrit le fichier. Les entrées se prouvent elles-mêmes.
carry-from-nobody = { $name } : { $entries } entrées ; l’auteur du fichier est illisible. Les entrées se prouvent elles-mêmes.
carry-in-done = { $stored } entrées nouvelles ici ; { $known } étaient déjà détenues.
carry-in-dry = Rien n’a été pris : c’était un essai.
carry-fault = { $name } : { $why }
carry-missing = Manque : { $name }
carry-holds = { $name } indique ce qui est détenu ici : le prochain « carry out » vers ce dossier écrit juste ce qui manque.
carry-no-holds = Ce qui est détenu ici n’a pu être indiqué dans le dossier : il n’est pas accessible en écriture.

# Errors
error-behind = la signature viendrait derrière ce qui a déjà été signé
error-carry = le transport par ce dossier a échoué
error-carry-for = « { $party } » n’est ni l’identifiant d’une organisation ni un fichier avec la carte d’un hub
error-carry-full = le dossier est plein
error-carry-incomplete = { $count } fichiers manquent ou sont incomplets ; tout ce qui est intact a été pris
error-carry-nothing = il n’y a pas de fichier de transport dans { $path }
error-carry-size = « { $size } » n’est pas une taille de fichier de transport
error-clock = l’horloge de cette machine et celle du hub diffèrent
error-cut = la connexion s’est interrompue
error-fields = la fiche ne convient pas
error-file = { $path } ne peut être lu ou écrit
error-hub-key = ce n’est pas le hub attendu
error-hub-says = le hub refuse
error-hub-joined-already = { $hub } est déjà l’un de vos hubs
error-invalid = la fiche n’est pas valable
error-invitation-ended = l’invitation de { $hub } a expiré
error-joined-already = { $name } a déjà adhéré depuis ce dossier
error-key = la clé de signature ne peut être utilisée
error-kind = ce type de fiche ne s’écrit pas à la main
error-locked = un autre programme utilise ce dossier
error-many-hubs = 16 hubs sont le plus qu’une organisation garde
error-many-records = plusieurs fiches commencent par { $id }
error-me = le fichier du membre est endommagé
error-name-needed = il faut un nom d’organisation
error-no-applicant = personne n’a demandé sous « { $party } »
error-no-card = aucun hub n’est connu ici
error-no-country = aucun pays « { $country } »
error-no-hub = { $hub } est injoignable
error-no-link = aucun hub lié « { $party } »
error-no-member = aucun membre « { $party } »
error-no-evidence = le fichier ne contient rien qui puisse être montré
error-not-evidence = { $path } n’est pas un fichier de preuves
error-not-shown = { $count } éléments ne sont pas ce que dit le fichier
error-no-node = aucun nœud ne répond à { $path }
error-no-profile = l’organisation n’a pas de profil ici
error-no-record = aucune fiche ne commence par { $id }
error-no-region = aucune région « { $region } »
error-not-card = le fichier n’est pas une carte de hub
error-not-invitation = le fichier n’est ni une invitation ni une carte de hub
error-not-joined = personne n’a rejoint de hub depuis ce dossier
error-not-utf8 = { $path } n’est pas un texte UTF-8
error-not-your-hub = « { $hub } » n’est pas l’un de vos hubs
error-not-yours = { $id } appartient à une autre organisation
error-parse = { $path } n’est ni du TOML ni du JSON
error-party-kind = aucun type d’organisation « { $kind } »
error-passphrase-needed = la clé de signature demande sa phrase secrète
error-passphrase-wrong = la phrase secrète est fausse
error-proxy = le mandataire ne peut être utilisé
error-record-id = « { $id } » n’est pas un identifiant
error-frozen = la clé de signature de cette machine a signé deux histoires, et les hubs en ont la preuve
error-refused = ce qui a été signé est refusé
error-sign = la signature a échoué
error-store = les données de ce dossier ne peuvent être utilisées
error-terminal = le terminal ne peut être lu
error-title-needed = il faut un titre
error-verify = { $count } endroits ne concordent pas
error-views = ce qui dérive des fiches ne peut être lu

# Hints
hint-ask-again = redemandez le fichier à l’opérateur du hub
hint-frozen = créez une autre clé, puis révoquez celle-ci depuis le dossier dont l’histoire doit compter : caphub key add NOM, puis caphub key revoke ANCIENNE-CLÉ --reason forked, puis caphub sync
hint-behind = synchronisez d’abord ; si ce dossier vient d’une sauvegarde, créez une autre clé
hint-card = l’opérateur de l’autre hub l’imprime avec « caphub hub card »
hint-carry = quelqu’un intervient en chemin ; essayez un autre réseau ou un mandataire (--proxy), ou portez les fiches à la main : « caphub carry out DOSSIER »
hint-carry-folder = vérifiez le dossier et ses droits, ou nommez-en un autre ; ce qui y est achevé reste
hint-carry-for = l’identifiant commence par cap1 ; l’opérateur d’un hub imprime la carte avec « caphub hub card »
hint-carry-full = faites de la place et relancez la même commande : elle continue avec ce qui manque
hint-carry-incomplete = redemandez ces fichiers ; prendre deux fois un fichier ne change rien
hint-carry-nothing = l’autre côté les y écrit avec « caphub carry out DOSSIER »
hint-carry-size = donnez au moins 3M, par exemple 25M ou 4G
hint-country = donnez un code comme TV, ou un nom dans l’une des six langues de l’ONU
hint-fields = « --json » avec « show » affiche une fiche avec ses champs
hint-join = adhérez avec le fichier remis par un hub : caphub join FICHIER
hint-hub-joined-already = une carte ou une invitation plus récente serait prise ; utilisez --home DOSSIER pour une autre organisation
hint-status = « caphub status » liste vos hubs
hint-joined-already = utilisez --home DOSSIER pour une autre organisation
hint-locked = attendez qu’il se termine, ou utilisez --home DOSSIER
hint-longer-id = tapez-en davantage de caractères
hint-name-needed = donnez --name
hint-no-node = démarrez-le avec « caphub-node run », ou nommez son dossier avec --hub-dir
hint-offline = tout peut s’écrire sans réseau ; « caphub sync » l’enverra plus tard
hint-passphrase = définissez CAPHUB_PASSPHRASE, ou lancez-le dans un terminal
hint-proxy = nommez le mandataire par --proxy ou CAPHUB_PROXY, comme http://UTILISATEUR:SECRET@HÔTE:PORT ou socks5://HÔTE:PORT ; « none » s’en passe
hint-record-id = tapez au moins quatre caractères de l’identifiant montré par les listes
hint-region = donnez un code M49 de l’ONU comme 009, ou un nom
hint-resume = relancez « caphub sync » : il reprend où il en était
hint-sync-first = « caphub sync » l’apportera peut-être
hint-title-needed = donnez --title, ou --file

# Demo
help-demo = Trois hubs et trois États sur cette machine : voir un échange fonctionner, puis l’essayer
arg-exit = Terminer une fois l’histoire racontée
demo-hub = { $name } fonctionne à { $address }.
demo-linked = Les trois hubs sont liés.
demo-by-invitation = par invitation
demo-by-approval = par approbation de sa demande
demo-joined = { $name } a rejoint { $hub }, { $how }.
demo-published = { $name } a publié { $count } fiches par son hub.
demo-same = Les trois hubs conservent les mêmes { $count } fiches.
demo-search = « { $query } » à { $hub } : { $count } trouvées.
demo-cut = { $hub } est coupé du réseau.
demo-goes-on = Entre-temps { $name } a publié un besoin par { $from }, et { $to } l’a reçu.
demo-caught-up = { $hub } est de retour et à jour.
demo-row = { $name } : { $records } fiches, { $links } hubs liés
demo-took = Terminé en { $seconds } s.
demo-try =
    Les hubs restent en marche jusqu’à interruption. Dans une autre fenêtre, essayez :
      caphub --home { $home } offers
      caphub --home { $home } search incident
      caphub --hub-dir { $hub } hub link list
error-demo = la démonstration ne peut continuer
error-demo-differs = les hubs ne conservent pas les mêmes fiches
error-sample = le catalogue d’exemple est endommagé

# Commands for records
help-need = Ajouter, modifier, lister, montrer ou retirer des besoins
help-need-add = Rédiger un besoin : par questions, par options ou depuis un fichier
help-need-edit = Modifier un besoin de votre organisation
help-need-list = Lister les besoins
help-need-show = Montrer un besoin en entier
help-need-withdraw = Retirer un besoin de votre organisation
help-offer = Ajouter, modifier, lister, montrer ou retirer des offres
help-offer-add = Rédiger une offre : par questions, par options ou depuis un fichier
help-offer-edit = Modifier une offre de votre organisation
help-offer-list = Lister les offres
help-offer-show = Montrer une offre en entier
help-offer-withdraw = Retirer une offre de votre organisation
help-course = Ajouter, modifier, lister, montrer ou retirer des cours
help-course-add = Rédiger un cours : par questions, par options ou depuis un fichier
help-course-edit = Modifier un cours de votre organisation
help-course-list = Lister les cours
help-course-show = Montrer un cours en entier
help-course-withdraw = Retirer un cours de votre organisation
help-session = Ajouter, modifier, lister, montrer ou retirer des sessions
help-session-add = Rédiger une session de cours : par questions, par options ou depuis un fichier
help-session-edit = Modifier une session de cours de votre organisation
help-session-list = Lister les sessions
help-session-show = Montrer une session de cours en entier
help-session-withdraw = Retirer une session de cours de votre organisation

# Import et export
help-import = Importer des enregistrements depuis du JSON-LD schema.org, du CSV ou un export ; importer deux fois n’ajoute rien
help-export = Écrire des enregistrements dans un fichier que d’autres peuvent lire et importer
arg-files = Fichiers ; - pour l’entrée standard
arg-dry-run = Montrer ce qui serait fait, sans rien faire
arg-licence = Licence des enregistrements qui n’en indiquent pas
arg-source = Nom du catalogue ; à défaut, le nom du fichier
arg-map = À quel champ correspond une colonne, sous la forme COLONNE=CHAMP ; - l’écarte
arg-format = json-ld, csv ou json
import-add = ajouter
import-change = modifier
import-same = identique
import-skip = écarter
import-file = { $path } : { $present } trouvés : { $add } à ajouter, { $change } à modifier, { $same } déjà présents, { $skip } écartés.
import-no-items = Il ne contient ni Course, LearningResource, CourseInstance ou Event de schema.org, ni ligne.
import-not-carried = Sans place dans nos enregistrements : { $names }
import-dry-run = Rien n’a été modifié : c’était un essai.
import-other-kind = son type est { $type } ; à importer avec --as { $kind }
import-no-record = il ne contient aucun enregistrement
import-no-title = il n’a pas de titre
import-no-start = il n’a pas de date de début
import-bad-date = { $field } "{ $text }" n’est pas une date telle que 2027-03-31 ou 2027-03-31T09:00:00Z
import-empty-row = la ligne est vide
import-row-width = la ligne a { $found } cellules et l’en-tête { $expected }
import-short-row = la ligne a { $found } cellules et l’en-tête { $expected } ; le reste compte comme vide
import-twice = il a le même identifiant que { $at }
import-invalid = { $problem }
import-too-large = il a { $found } octets, plus qu’un enregistrement ne peut contenir
import-withdrawn = il a été retiré ici
import-left-language = langue "{ $text }" écartée : ce n’est pas une étiquette de langue
import-left-country = pays "{ $text }" écarté : inconnu
import-left-zone = le fuseau "{ $text }" est inconnu ici ; les heures restent locales
error-import = { $path } ne peut pas être importé
error-import-kind = ni import ni export de "{ $kind }" : course, session, offer ou need
error-map = --map prend COLONNE=CHAMP
error-format = aucun format "{ $format }" : json-ld, csv ou json
error-export = les enregistrements ne peuvent pas être écrits
hint-import = sont acceptés le JSON-LD schema.org, le CSV avec en-tête et les fichiers de "caphub export" ; rien n’a été importé

# Clés de signature
help-key = Clés de signature : lister, ajouter, révoquer, renouveler, sauvegarder, rétablir
help-key-list = Les clés de signature de votre organisation
help-key-add = Créer une autre clé de signature, pour une autre personne ou machine
help-key-revoke = Révoquer une clé de signature ; ce qu’elle a signé et qui est détenu ici compte encore, même si elle a signé deux histoires. Exemple : caphub key revoke "second bureau" --reason forked
help-key-rotate = Renouveler les clés qui garantissent les clés de signature
help-key-backup = Écrire un fichier, sous phrase secrète, qui rétablit votre organisation
help-key-recover = Rétablir votre organisation sur une nouvelle machine, avec une sauvegarde ou la fiche de secours
arg-label = À qui elle est, ou où
arg-to = Dossier à créer pour elle ; sans cela, cette machine prend la nouvelle clé
arg-common = Si elle a signé deux histoires, ne compter que ce qu’elles ont en commun
arg-key = Une clé de signature, par son nom ou ses premiers caractères
arg-recover-file = Une sauvegarde, ou la carte ou l’invitation de votre hub
arg-organisation = L’identifiant de la fiche de secours
arg-recovery-key = La clé de secours de la fiche ; demandée à défaut
ask-recovery-key = Clé de secours, comme sur la fiche
ask-backup-passphrase = Phrase secrète de la sauvegarde
key-here = cette machine
key-revoked = révoquée
key-added = { $label } pourra signer après deux synchronisations : "caphub sync" ici, puis "caphub --home { $folder } sync".
key-added-here = Cette machine signe avec la nouvelle clé ; les hubs l’apprendront au prochain "caphub sync". L’ancienne reste valable jusqu’à "caphub key revoke".
key-branch = Des deux histoires qu’elle a signées, celle qui est détenue ici compte, jusqu’à l’entrée { $seq } (suite { $feed }).
key-common = Des deux histoires qu’elle a signées, seul compte ce qu’elles ont en commun, jusqu’à l’entrée { $seq } (suite { $feed }).
key-taken-back = { $label } est révoquée ; les hubs l’apprendront au prochain "caphub sync".
key-rotated = Les clés qui garantissent les clés de signature sont renouvelées ; les hubs l’apprendront au prochain "caphub sync". Les anciennes sauvegardes ne servent plus.
key-backed-up = { $path } rétablit l’organisation, avec sa phrase secrète : gardez les deux, loin de cette machine et séparément.
key-recovered = { $name } est rétablie. Les clés des machines perdues signent encore : "caphub key list", puis "caphub key revoke".
error-no-key = aucune clé de signature "{ $key }"
error-many-keys = plusieurs clés de signature correspondent à "{ $key }"
error-no-root = les clés qui garantissent les clés de signature ne sont pas dans ce dossier
error-reason = aucune raison "{ $reason }" : unstated, lost, stolen, replaced, forked ou person_left
error-last-key = c’est la clé de cette machine, qui ne pourrait plus signer
error-identity = l’événement d’identité a été refusé
error-recovery-key = ce n’est pas la clé de secours de { $party }
error-backup-old = les clés de cette sauvegarde ont été remplacées depuis
error-backup-passphrase = une sauvegarde a besoin d’une phrase secrète
error-organisation-needed = l’identifiant de l’organisation est nécessaire
error-unknown-organisation = { $party } est inconnue chez { $hub }
hint-no-root = exécutez-le dans le dossier de la machine qui a adhéré, ou utilisez la fiche de secours : caphub key recover
hint-last-key = créez-en d’abord une autre : caphub key add NOM
hint-recover = la fiche de secours porte l’identifiant de l’organisation et la clé de secours
