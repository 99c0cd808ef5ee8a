# The commands of the platform. `make help` lists them.

.DEFAULT_GOAL := help
PYTHON_RUN := .venv/bin/python

.PHONY: help
help: ## 列出所有命令
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' Makefile

.PHONY: up
up: ## 启动整个平台（PORT=8001 make up 换端口），按 Ctrl-C 结束
	@sh bin/install embedded
	@exec $(PYTHON_RUN) -m governance.embedded up --reference full --with-parent

.PHONY: dev
dev: ## 同 make up，修改代码后自动重新启动，日志显示在终端
	@sh bin/install dev
	@exec $(PYTHON_RUN) -m governance.embedded dev --reference full --with-parent

.PHONY: install
install: ## 只安装，不启动
	@sh bin/install dev

.PHONY: test
test: ## 运行全部测试，使用自己的 PostgreSQL 和 Redis
	@sh bin/install dev
	@$(PYTHON_RUN) -m pytest -n 2 --dist loadfile

.PHONY: test-long
test-long: ## 同 make test，性质测试使用更多样例
	@sh bin/install dev
	@$(PYTHON_RUN) -m pytest -n 2 --dist loadfile --hypothesis-profile=long --timeout=3600

.PHONY: check
check: ## 检查代码、模板、类型、迁移、分层和锁文件
	@sh bin/install dev
	$(PYTHON_RUN) -m ruff check .
	$(PYTHON_RUN) -m ruff format --check .
	$(PYTHON_RUN) -m djlint --lint --quiet templates
	$(PYTHON_RUN) -m mypy .
	$(PYTHON_RUN) manage.py makemigrations --check --dry-run
	.venv/bin/lint-imports
	sh bin/check-locks

.PHONY: lock
lock: ## 更新锁文件
	@sh bin/install dev
	@sh bin/lock

.PHONY: screenshots
screenshots: ## 更新 docs/ 中的图片
	@sh bin/install dev
	@$(PYTHON_RUN) -m tests.screenshots

.PHONY: bench
bench: ## 测速：一万、十万、百万件（SIZES=10000 只测一万件，KEEP=1 留用数据库）
	@sh bin/install dev
	@$(PYTHON_RUN) -m benchmarks run

.PHONY: bench-web
bench-web: ## 比较网站服务器和数据库连接方式（gunicorn、granian、连接池），约十分钟
	@sh bin/install dev
	@$(PYTHON_RUN) -m benchmarks web

.PHONY: bench-compare
bench-compare: ## 与以前的结果比较：make bench-compare OLD=文件 [NEW=文件]
	@$(PYTHON_RUN) -m benchmarks compare $(OLD) $(NEW)
