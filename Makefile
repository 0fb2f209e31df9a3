# Tollgate. "make" lists what there is to make.

.DEFAULT_GOAL := help
.PHONY: help build run test crash crash-points replay fuzz bench docs clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build ./tollgate
	@test/check-go.sh
	CGO_ENABLED=0 go build -trimpath -o tollgate ./cmd/tollgate

run: build ## build it and run it with etc/tollgate.ini
	@echo
	@echo "Tollgate takes calls on udp:127.0.0.1:5060; Ctrl-C ends it. In other terminals:"
	@echo "    ./tollgate call                place a call through it"
	@echo "    tail -F var/cdr.log            see the records"
	@echo "    telnet 127.0.0.1 7000          the status port; help lists its commands"
	@echo
	@exec ./tollgate run -c etc/tollgate.ini

test: ## install what the tests need, then vet, test, fuzz for a moment, measure for a moment
	@test/run.sh

crash: ## kill the gatekeeper 200 times at random under 300 calls a second, then look for every record (ten minutes)
	@test/check-go.sh
	go test ./test -count=1 -v -run 'TestCrash/random' -timeout 60m -crash.kills=200

crash-points: ## let it die 20 times at each named point of the code (half an hour or more)
	@test/check-go.sh
	go test ./test -count=1 -v -run 'TestCrash/points' -timeout 6h -crash.hits=20

replay: ## 20,000 calls while RADIUS is away, its replay, what that costs new calls; kills while a backlog drains (a quarter of an hour)
	@test/check-go.sh
	go test ./test -count=1 -v -timeout 30m -parallel 3 -long -run 'TestReplay|TestKillWhileDraining|TestReloadWithBacklog'

fuzz: ## run every fuzz target for half a minute
	@test/check-go.sh
	@test/fuzz.sh 30

bench: ## compare with Kamailio: CPU time per accounted call, highest rate (half an hour)
	@test/check-go.sh
	@test/install.sh
	go run ./bench

docs: ## write the parts of docs and etc that are generated from the code
	@test/check-go.sh
	@for package in $$(grep -rl 'flag.Bool("update"' --include='*_test.go' . | xargs -n 1 dirname | sort -u); do \
		echo "generating from $$package" && go test -count=1 "$$package" -update || exit 1; \
	done

clean: ## remove what build and bench made
	rm -rf tollgate bench/results
